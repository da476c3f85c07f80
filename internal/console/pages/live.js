// The console works without this: it only looks again at what is under way, and counts
// while a rule is typed.
"use strict";

// A part with data-live is fetched again every so many seconds, for as long as the page
// that comes says so, and only while somebody looks.
const live = part => {
  const seconds = Number(part.dataset.live);
  if (!seconds) return;
  setTimeout(async () => {
    if (document.hidden) return live(part);
    try {
      const answer = await fetch(location.href, { headers: { "Accept": "text/html" }, redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = answer.ok && page.getElementById(part.id);
      if (next && !next.dataset.live) return location.reload(); // it has ended: what one can do is another
      if (next) { part.replaceWith(next); part = next; }
    } catch { /* the next look may find it again */ }
    live(part);
  }, seconds * 1000);
};
document.querySelectorAll("[data-live]").forEach(live);

// A form with data-count asks what its rule keeps when the typing pauses.
document.querySelectorAll("form[data-count]").forEach(form => {
  const field = form.querySelector("textarea"), said = form.querySelector("output");
  let timer, asked;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      asked?.abort();
      asked = new AbortController();
      try {
        const answer = await fetch(form.dataset.count, { method: "POST", body: new URLSearchParams(new FormData(form)), signal: asked.signal, redirect: "error" });
        said.textContent = answer.ok ? await answer.text() : "";
        said.classList.toggle("exact", said.textContent.includes("\n")); // a place in the rule is marked
      } catch { /* the next one is asked already, or nobody answers */ }
    }, 400);
  });
});
