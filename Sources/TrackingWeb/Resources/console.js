"use strict";
// The live feed: each event goes on top of the table, and the figures are fetched anew. All else works without.
(() => {
  const table = document.querySelector("table[data-live]");
  if (!table || !window.EventSource) return;
  const body = table.tBodies[0];
  const status = document.getElementById("live");
  const filter = new URLSearchParams(location.search);
  // As many as a fresh page has.
  const limit = document.getElementById("figures") ? 15 : 100;
  let isStale = false;
  let isRefreshing = false;

  const cell = (...nodes) => {
    const element = document.createElement("td");
    element.append(...nodes);
    return element;
  };
  const span = (name, text) => {
    const element = document.createElement("span");
    element.className = name;
    element.textContent = text;
    return element;
  };

  const show = (event) => {
    if (filter.get("kind") && filter.get("kind") !== event.kind) return;
    if (filter.get("tag") && filter.get("tag") !== (event.tag || "-")) return;
    body.querySelector("tr.empty")?.remove();
    const row = document.createElement("tr");
    row.className = `new ${event.class}`;
    const time = document.createElement("time");
    time.textContent = event.time;
    const detail = cell();
    if (event.href) {
      const link = document.createElement("a");
      link.href = event.href;
      link.textContent = "mail";
      detail.append(link, " ");
    }
    detail.append(span("wrap", event.detail));
    row.append(cell(time), cell(span(`badge ${event.class}`, event.what)), cell(event.who), cell(event.tag), detail);
    body.prepend(row);
    while (body.rows.length > limit) body.deleteRow(-1);
    status.textContent = `${event.what} at ${event.time}`;
  };

  // Piece by piece, so that what is focused and how far a table is scrolled stay as they are.
  const replaceFigures = (page) => {
    const pieces = "#figures :is(dl, figure, caption, tbody)";
    const fresh = page.querySelectorAll(pieces);
    document.querySelectorAll(pieces).forEach((piece, index) => {
      if (!fresh[index]) return;
      const focus = piece.contains(document.activeElement) && document.activeElement.getAttribute("href");
      piece.replaceWith(fresh[index]);
      if (focus) fresh[index].querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    });
  };

  const refresh = async () => {
    if (!document.getElementById("figures")) return;
    isStale = true;
    if (isRefreshing) return;
    isRefreshing = true;
    while (isStale) {
      await new Promise((done) => setTimeout(done, 400));
      isStale = false;
      try {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        if (answer.ok) replaceFigures(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch { /* the next event tries again */ }
    }
    isRefreshing = false;
  };

  const source = new EventSource(`/live?after=${encodeURIComponent(table.dataset.live)}`);
  source.addEventListener("open", () => { status.textContent = "Live: what happens shows up here by itself."; });
  source.addEventListener("error", () => {
    // After an answer that is no stream, such as the way to the login, a browser does not try again.
    status.textContent =
      source.readyState === EventSource.CLOSED ? "Not live any more; load the page anew." : "Connection lost; trying again.";
  });
  source.addEventListener("event", (message) => {
    show(JSON.parse(message.data));
    refresh();
  });
})();
