/* The judging page. A verdict is one POST whose reply is the next comparison. Nothing on the page moves before the
   server has acknowledged; if it does not, the verdict stays here, under the same id, and can be sent again. */
"use strict";
(() => {
  const QUIET = 300; // ms after a change in which no key is a verdict
  const PATIENCE = 15000; // ms until a request counts as unanswered
  const KEPT = "heed.verdict", GUIDELINES = "heed.guidelines";
  const ARROWS = { ArrowLeft: ["2", "1"], ArrowRight: ["6", "7"] }; // plain, with Shift
  const $ = (selector, root = document) => root.querySelector(selector);
  let busy = false, changedAt = 0, seenAt = null, deadline = 0, actedAt = 0, leaseFrom = 0, draftTimer = 0, renewing = false;

  // ---- the comparison on the desk

  function arrived() {
    const task = $("#task");
    changedAt = actedAt = performance.now();
    seenAt = document.visibilityState === "visible" ? changedAt : null;
    leaseFrom = changedAt;
    deadline = changedAt + 1000 * Number(task.dataset.left || 0);
    document.dispatchEvent(new CustomEvent("heed:swapped"));
    if (window.htmx) htmx.process(document.body);
  }

  /* Put a reply in place: every element at its top that has an id replaces its namesake. */
  function place(html) {
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    const parts = [...parsed.content.children].filter((part) => part.id && document.getElementById(part.id));
    const next = parts.some((part) => part.id === "task");
    if (!next && !parts.some((part) => part.id === "verdict-alert")) return false; // some other page
    for (const part of parts) document.getElementById(part.id).replaceWith(part);
    if (next) {
      scrollTo(0, 0);
      arrived();
      $("#task-heading").focus({ preventScroll: true });
      const done = $("#task .recorded");
      $("#announce").textContent = done ? done.textContent.replace(/Undo\s*U/, "").trim() : "";
    }
    return true;
  }

  // ---- sending

  async function ask(url, body, method = "POST") {
    const token = $("[name=csrfmiddlewaretoken]");
    const stop = AbortSignal.timeout(PATIENCE);
    const headers = { "HX-Request": "true", "X-CSRFToken": token ? token.value : "" };
    const response = await fetch(url, { method, body, headers, signal: stop, credentials: "same-origin" });
    return { response, text: await response.text() };
  }

  /* One request that ends in a reply on the page, or in the reason why not. */
  async function exchange(sent) {
    if (busy) return;
    busy = true;
    $("#verdict")?.setAttribute("aria-busy", "true");
    let trouble = "";
    try {
      const { response, text } = await ask(sent.url, new URLSearchParams(sent.body));
      const answered = response.ok || response.status === 400 || response.status === 409;
      if (response.redirected || !answered || !place(text)) trouble = troubleOf(response);
      else sessionStorage.removeItem(KEPT);
    } catch (error) {
      trouble = error.name === "TimeoutError" ? "The server took too long." : "The server did not answer.";
    }
    busy = false;
    $("#verdict")?.removeAttribute("aria-busy");
    if (trouble) offerAgain(sent, trouble);
  }

  function troubleOf(response) {
    if (response.redirected) return "You are signed out. Sign in in another tab, then send it again.";
    if (response.status === 403) return "The server refused it. Your session may have changed: load the page again, it is kept.";
    if (response.status === 404) return "The server does not know this comparison any more.";
    return `The server had a problem (${response.status}).`;
  }

  function offerAgain(sent, trouble) {
    const place = $("#verdict-alert") || $("#task");
    const notice = document.createElement("div");
    notice.className = "notice bad";
    const words = document.createElement("p");
    words.textContent = sent.label ? `“${sent.label}” is not stored yet. ${trouble} Your verdict is kept here.` : `Not done. ${trouble}`;
    const again = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: "Send again" });
    again.addEventListener("click", () => { notice.remove(); exchange(sent); });
    notice.append(words, again);
    place.replaceChildren(notice);
    again.focus({ preventScroll: true });
  }

  function keep(sent) {
    try { sessionStorage.setItem(KEPT, JSON.stringify(sent)); } catch { /* the page itself still holds it */ }
  }

  /* A verdict that this tab sent before it was loaded again and that nobody has acknowledged. */
  function offerKept() {
    const sent = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    if (sent) offerAgain(sent, "The page was loaded again before the server had answered.");
  }

  function sendVerdict(form, button) {
    clearTimeout(draftTimer);
    for (const step of form.querySelectorAll(".step")) step.classList.toggle("is-chosen", step === button);
    $("#verdict-alert").replaceChildren();
    const label = $(".words", button).textContent.trim();
    const sent = { url: form.action, body: new URLSearchParams(new FormData(form, button)).toString(), label };
    keep(sent);
    exchange(sent);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "verdict" && event.submitter?.name === "answer") {
      form.elements.seconds.value = seenAt === null ? "" : ((performance.now() - seenAt) / 1000).toFixed(2);
      if ("plain" in form.dataset) return; // opened from the history: the reply is the history
      event.preventDefault();
      if (!busy) sendVerdict(form, event.submitter);
    } else if (form.matches("[data-swap]")) {
      event.preventDefault();
      exchange({ url: form.action, body: new URLSearchParams(new FormData(form)).toString(), label: "" });
    } else if (form.matches(".keys-form")) {
      event.preventDefault();
      switchKeys(form);
    }
  });

  // The second click of a double click would land on the next comparison.
  document.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest(".step")) event.preventDefault();
  }, true);

  document.addEventListener("click", (event) => {
    const target = event.target;
    if (target.closest("[data-guidelines]")) { event.preventDefault(); toggleGuidelines(); }
    if (target.closest("[data-reason]")) toggleReason();
    if (target.closest("[data-back]") && target.closest("a").pathname.endsWith("/judge/")) { event.preventDefault(); fetchNext(); }
    if (target.matches("[data-together]")) {
      for (const box of document.querySelectorAll("[data-together]")) box.checked = target.checked;
    }
  });

  async function fetchNext() {
    try {
      const { response, text } = await ask($("#desk").dataset.url, undefined, "GET");
      if (response.ok && !response.redirected) place(text);
    } catch { /* the next occasion will do */ }
  }

  // ---- keys

  const keysOn = () => $("#desk").dataset.keys === "on";

  function withoutVerdict(event) {
    const target = event.target;
    if (event.defaultPrevented || event.isComposing || event.repeat) return true;
    if (event.altKey || event.ctrlKey || event.metaKey) return true;
    if (target.closest("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])")) return true;
    if ($(":popover-open, dialog[open], details.menu[open]")) return true;
    return busy || !keysOn() || performance.now() - changedAt < QUIET;
  }

  /* Arrows belong to a selection that is being extended and to a box that scrolls sideways. */
  function arrowIsTaken(event) {
    if (event.shiftKey && !getSelection().isCollapsed) return true;
    const box = event.target.closest("pre, .scroll, .formula, .table-wrap, input");
    return Boolean(box) && (box.matches("input") || box.scrollWidth > box.clientWidth);
  }

  function answerOf(event) {
    if (event.key in ARROWS) return arrowIsTaken(event) ? null : ARROWS[event.key][event.shiftKey ? 1 : 0];
    if (event.shiftKey && !/^\d$/.test(event.key)) return null;
    const digit = /^\d$/.test(event.key) ? event.key : /^Digit\d$/.test(event.code) ? event.code.slice(5) : "";
    return digit !== "" && digit !== "8" ? digit : null;
  }

  const LETTERS = {
    s: () => $("#skip-dialog")?.showPopover(),
    f: () => $("#flag-dialog")?.showPopover(),
    u: () => $("#undo-form")?.requestSubmit(),
    n: () => $("#next-form")?.requestSubmit(),
    g: toggleGuidelines,
    r: toggleReason,
  };

  document.addEventListener("keydown", (event) => {
    actedAt = performance.now();
    if (event.key === "Escape" && event.target.id === "reason-text") { $("#task-heading").focus({ preventScroll: true }); return; }
    if (event.key === " " && keysOn() && event.target.closest(".step")) { scrollPage(event); return; }
    if (withoutVerdict(event)) return;
    const answer = answerOf(event);
    const button = answer === null ? null : $(`#verdict .step[value="${answer}"]`);
    if (button) {
      event.preventDefault();
      button.form.requestSubmit(button);
    } else if (event.key === "?") {
      event.preventDefault();
      $("#keys-dialog").showPopover();
    } else if (!event.shiftKey && event.key.toLowerCase() in LETTERS) {
      event.preventDefault();
      LETTERS[event.key.toLowerCase()]();
    }
  });

  // Space scrolls wherever the focus is; a verdict's button is pressed with Enter.
  function scrollPage(event) {
    event.preventDefault();
    scrollBy({ top: (event.shiftKey ? -0.85 : 0.85) * innerHeight });
  }
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && keysOn() && event.target.closest?.(".step")) event.preventDefault();
  });

  async function switchKeys(form) {
    const button = $("#keys-switch"), on = button.value === "1";
    try {
      const { response } = await ask(form.action, new URLSearchParams({ on: on ? "1" : "0" }));
      if (!response.ok) return;
    } catch { return; }
    button.value = on ? "0" : "1";
    button.setAttribute("aria-checked", String(on));
    $("#desk").dataset.keys = on ? "on" : "off";
    document.body.classList.toggle("no-keys", !on);
    $("#announce").textContent = on ? "Single keys are on." : "Single keys are off.";
  }

  // A dialog that opens takes the focus to its first field, and gives it back.
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.(".dialog") || event.newState !== "open") return;
    $("select, textarea, button", event.target)?.focus();
  }, true);

  // ---- guidelines and reason

  function showGuidelines(on) {
    $("#desk").classList.toggle("with-guidelines", on);
    for (const link of document.querySelectorAll(".masthead [data-guidelines]")) link.setAttribute("aria-expanded", String(on));
  }
  function toggleGuidelines() {
    const on = !$("#desk").classList.contains("with-guidelines");
    localStorage.setItem(GUIDELINES, on ? "1" : "");
    showGuidelines(on);
    if (on && matchMedia("(max-width: 75rem)").matches) { scrollTo(0, 0); $("#guidelines").focus({ preventScroll: true }); }
  }

  function toggleReason() {
    const reason = $("#reason");
    if (!reason) return;
    const open = reason.toggleAttribute("data-folded") === false;
    $("[data-reason]").setAttribute("aria-expanded", String(open));
    if (open) $("#reason-text").focus();
  }

  document.addEventListener("input", (event) => {
    actedAt = performance.now();
    const field = event.target;
    if (!field.dataset.draft) return;
    clearTimeout(draftTimer);
    $("#draft-state").textContent = "";
    draftTimer = setTimeout(() => saveDraft(field), 800);
  });
  async function saveDraft(field) {
    let kept = false;
    try { kept = (await ask(field.dataset.draft, new URLSearchParams({ reason: field.value }))).response.ok; } catch { /* said below */ }
    const state = $("#draft-state");
    if (!field.isConnected || !state) return;
    state.textContent = kept ? "Draft kept." : "The draft is not kept yet.";
    if (!kept) draftTimer = setTimeout(() => saveDraft(field), 5000);
  }

  // ---- the lease

  for (const kind of ["pointerdown", "wheel", "touchmove"]) {
    addEventListener(kind, () => { actedAt = performance.now(); }, { passive: true });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    seenAt ??= performance.now();
    if ($("#task").classList.contains("is-empty")) fetchNext();
  });

  function tick() {
    const task = $("#task"), bar = $(".lease-bar");
    if (!bar) return;
    const left = (deadline - performance.now()) / 1000, whole = Number(task.dataset.whole);
    bar.value = Math.max(0, left);
    bar.classList.toggle("is-short", left < 0.2 * whole);
    if (left <= 0 && !task.dataset.over) {
      task.dataset.over = "1";
      sayOver();
    } else if (left > 0 && left < 0.3 * whole && actedAt > leaseFrom && Number(task.dataset.renewals) > 0) {
      renew(task);
    }
  }
  async function renew(task) {
    if (renewing) return;
    renewing = true;
    try {
      const { response, text } = await ask(`${$("#verdict").action}renew/`);
      if (response.ok && task.isConnected) {
        const lease = JSON.parse(text);
        task.dataset.renewals = lease.renewals_left;
        deadline = performance.now() + 1000 * lease.seconds_left;
        leaseFrom = performance.now();
      } else if (task.isConnected) {
        task.dataset.renewals = 0;
      }
    } catch { /* the next second tries again */ }
    renewing = false;
  }
  function sayOver() {
    const notice = document.createElement("div");
    notice.className = "notice warn";
    notice.setAttribute("role", "status");
    notice.textContent = "The time for this comparison is over and it may go to somebody else. Your verdict is still kept if you give it.";
    $("#task-notices").append(notice);
  }

  // ---- an empty queue looks again when something has changed

  document.addEventListener("look-again", (event) => {
    if (event.target.id === "task" && document.visibilityState === "visible") fetchNext();
  });
  setInterval(() => {
    if ($("#task").classList.contains("is-empty") && document.visibilityState === "visible") fetchNext();
  }, 30000);

  showGuidelines(localStorage.getItem(GUIDELINES) === "1");
  arrived();
  offerKept();
  setInterval(tick, 1000);
})();
