// Renews the parts of a page that are marked data-live when the server says that there is news. Pages work without it.
"use strict";
(() => {
  const source = document.body.dataset.events;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (!source || parts().length === 0 || !window.EventSource) return;
  let busy = false;
  let again = false;

  const topics = part => part.dataset.live.split(" ");
  // A part that somebody works in, or has selected text in, or has opened details of, is left alone until they are done.
  const inUse = part => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, summary") ||
    !document.getSelection().isCollapsed && part.contains(document.getSelection().anchorNode) || part.querySelector("details[open]");

  const renew = async topic => {
    if (document.hidden || !parts().some(p => topics(p).includes(topic) && !inUse(p))) return;
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Pawl-Live": "1" }, redirect: "error" });
      if (answer.status === 401) { location.assign("/login"); return; }
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const next = fresh.getElementById(part.id);
        if (!next || inUse(part) || next.innerHTML === part.innerHTML) continue;
        const link = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
        part.replaceChildren(...next.childNodes);
        if (link) part.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus();
      }
    } catch { // the server is away: the stream comes back when it does
    } finally {
      busy = false;
      if (again) { again = false; setTimeout(() => renew(topic), 1000); }
    }
  };

  const stream = new EventSource(source);
  for (const topic of new Set(parts().flatMap(topics))) stream.addEventListener(topic, () => renew(topic));
  stream.addEventListener("bye", () => { stream.close(); location.assign("/login"); });
  addEventListener("pagehide", () => stream.close());
})();
