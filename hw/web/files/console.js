// Renews the parts of a page that are marked data-live when the server says that there is news. Pages work without it.
"use strict";
(() => {
  const source = document.body.dataset.events;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (!source || parts().length === 0 || !window.EventSource) return;
  let busy = false;
  const again = new Set(); // topics that came meanwhile

  const topics = part => part.dataset.live.split(" ");
  // A part that somebody works in, or has selected text in, or has opened details of, is left alone until they are done.
  const inUse = part => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, summary") ||
    !document.getSelection().isCollapsed && part.contains(document.getSelection().anchorNode) || part.querySelector("details[open]");

  // Only what differs is replaced: a warning is not read out again because the rate beside it has changed.
  const merge = (part, next) => {
    const old = [...part.children];
    const fresh = [...next.children];
    if (old.length !== fresh.length) { part.replaceChildren(...next.childNodes); return; }
    old.forEach((e, i) => { if (e.outerHTML !== fresh[i].outerHTML) e.replaceWith(fresh[i]); });
  };

  // How a control is found again in a part that was renewed: by its id, or among the links that go where it goes. Who is on it with the keyboard stays there.
  const twins = (part, e) => [...part.querySelectorAll(e.id ? "#" + CSS.escape(e.id) : "a")].filter(a => a.getAttribute("href") === e.getAttribute("href"));

  const renew = async news => {
    if (busy) { news.forEach(t => again.add(t)); return; }
    if (document.hidden || !parts().some(p => topics(p).some(t => news.includes(t)) && !inUse(p))) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Pawl-Live": "1" }, redirect: "error" });
      if (answer.status === 401) { location.assign("/login"); return; }
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const next = fresh.getElementById(part.id);
        if (!next || inUse(part) || next.innerHTML === part.innerHTML) continue;
        const at = part.contains(document.activeElement) ? document.activeElement : null;
        const place = at ? twins(part, at).indexOf(at) : -1;
        merge(part, next);
        if (at && !at.isConnected) (twins(part, at)[place] ?? twins(part, at)[0] ?? document.getElementById("main")).focus({ preventScroll: true });
      }
    } catch { // the server is away: the stream comes back when it does
    } finally {
      busy = false;
      if (again.size) {
        const news = [...again];
        again.clear();
        setTimeout(() => renew(news), 1000);
      }
    }
  };

  const stream = new EventSource(source);
  for (const topic of new Set(parts().flatMap(topics))) stream.addEventListener(topic, () => renew([topic]));
  stream.addEventListener("bye", () => { stream.close(); location.assign("/login"); });
  addEventListener("pagehide", () => stream.close());
})();
