// Package web is what pages for people stand on, on either side: an address that only who may can reach, limits, headers, news, and words of
// others that can't be printed unmarked.
//
//	Listen ─ bounded connections ─ Guard: headers, limits, no other site's requests ─ the console's own handler ─ Pages ─ frame ─ page
//	Bell ─ Stream ─ console.js: the page asks for itself again                        Plot ─ chart, drawn here, no script
//
// It knows neither side: receiver/console and sender/console say what is shown and to whom. Nothing is fetched from elsewhere, nothing is inline, no
// page needs a script. Why this lies under hw: docs/decisions/0025-pages-of-both-sides.md.
package web
