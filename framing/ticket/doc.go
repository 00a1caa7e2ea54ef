// Package ticket is the text that a person carries from the high side to the low side: repair tickets, which name the
// blocks that a transfer still lacks, and receipt codes, which say that one arrived whole. It is pure, as all of framing.
//
//	payload bits ─ characters of 5 bits ─ overall check ─ groups of 4 characters and a check character ─ text
//
//	09GM3-0HV4Q-… │ each group by itself says whether it was typed right, so an error has a place
//
// There is one encoding of each ticket: what parses is written again as the same characters. Both directions are bounded:
// a ticket has at most [MaxGroups] groups. docs/tickets.md is the format's page and says what a ticket can carry.
package ticket
