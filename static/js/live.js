/* Live pages. A socket says which group has changed, never what; each element that names the group in `data-live`
   gets the event "look-again", and htmx (hx-trigger="look-again") or a script fetches its part anew.
   `data-live-every="20"`: at most once in so many seconds (1 if not given); the last change is never missed. */
"use strict";
(() => {
  const FIRST_RETRY = 500, LAST_RETRY = 30000;
  let socket = null, subscribed = "", retry = FIRST_RETRY, retryTimer = 0;
  const waiting = new WeakMap(), lookedAt = new WeakMap();

  const elements = () => document.querySelectorAll("[data-live]");
  const groups = () => [...new Set([...elements()].map((element) => element.dataset.live))].sort().join(",");

  function lookAgain(element) {
    if (waiting.has(element)) return;
    const every = 1000 * Number(element.dataset.liveEvery || 1);
    const wait = Math.max(0, (lookedAt.get(element) ?? -Infinity) + every - performance.now());
    waiting.set(element, setTimeout(() => {
      waiting.delete(element);
      if (!element.isConnected) return;
      lookedAt.set(element, performance.now());
      element.dispatchEvent(new CustomEvent("look-again", { bubbles: true }));
    }, wait));
  }

  function tell(group) {
    for (const element of elements()) {
      if (group === null || element.dataset.live === group) lookAgain(element);
    }
  }

  function connect() {
    clearTimeout(retryTimer);
    const wanted = groups();
    if (wanted === subscribed && socket && socket.readyState <= WebSocket.OPEN) return;
    subscribed = wanted;
    if (socket) { const old = socket; socket = null; old.close(); }
    if (!wanted) return;
    const url = new URL("/live/", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("groups", wanted);
    const mine = socket = new WebSocket(url);
    mine.onopen = () => {
      retry = FIRST_RETRY;
      document.documentElement.dataset.liveState = "open";
      tell(null); // what was said between the page's making and now is lost
    };
    mine.onmessage = (event) => tell(event.data);
    mine.onclose = (event) => {
      if (socket !== mine) return;
      socket = null;
      document.documentElement.dataset.liveState = "closed";
      if (event.code === 4403) return; // not a member any more: asking again would not help
      retryTimer = setTimeout(connect, retry * (0.5 + Math.random()));
      retry = Math.min(2 * retry, LAST_RETRY);
    };
  }

  document.addEventListener("DOMContentLoaded", connect);
  document.addEventListener("htmx:load", connect);
  document.addEventListener("heed:swapped", connect);
  addEventListener("online", connect);
})();
