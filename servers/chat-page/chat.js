/**
 * The chat page: one WebSocket, one list, one form. What others write goes in as text (textContent) and nothing
 * else; a draft is only cleared once it was handed to an open connection.
 */

/** Older messages go when there are more: the page must not grow for ever. */
const MAX_MESSAGES = 1000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** Most that may wait in the browser unsent; past it the draft stays where it is. */
const MAX_UNSENT_BYTES = 1_000_000;

const messages = document.getElementById("messages");
const state = document.getElementById("state");
const form = document.getElementById("form");
const draft = document.getElementById("message");
const button = document.getElementById("send");

let socket;
let failures = 0;
let timer;

function show(name, text) {
  state.dataset.state = name;
  // A live region speaks each time it is written: only when there is something new.
  if (state.textContent !== text) state.textContent = text;
  button.disabled = name !== "open";
}

function connect() {
  clearTimeout(timer);
  show("connecting", "Connecting…");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/ws`);
  socket.onopen = () => {
    failures = 0;
    show("open", "Connected");
  };
  socket.onmessage = ({ data }) => add(...split(String(data)));
  socket.onclose = ({ reason }) => reconnectLater(reason);
}

/** Delays double up to a bound; the random half keeps all pages from coming back in the same instant. */
function reconnectLater(reason) {
  const bound = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures++);
  const delay = bound / 2 + (Math.random() * bound) / 2;
  const why = reason ? ` (${reason})` : "";
  show("closed", `Disconnected${why}. Trying again in ${Math.ceil(delay / 1000)} s.`);
  timer = setTimeout(connect, delay);
}

/** `[ip:port]: text\n` as sender and text. IPv6 addresses have brackets of their own. */
function split(message) {
  const [, who, text] = /^\[(.*?)\]: (.*)$/s.exec(message.replace(/\n$/, "")) ?? [];
  return who === undefined ? ["", message] : [who, text];
}

function add(who, text, own = false) {
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 40;
  const item = document.createElement("p");
  const name = document.createElement("span");
  name.className = "who";
  name.textContent = who;
  const body = document.createElement("span");
  body.textContent = text;
  if (own) item.className = "own";
  item.append(name, body);
  messages.append(item);
  while (messages.childElementCount > MAX_MESSAGES) messages.firstElementChild.remove();
  // One who reads further up is not pulled away.
  if (atEnd || own) messages.scrollTop = messages.scrollHeight;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = draft.value;
  if (text === "" || socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MAX_UNSENT_BYTES) return;
  socket.send(text);
  add("You", text, true);
  draft.value = "";
  draft.focus();
});

// A machine that wakes up, or a network that is back, need not wait for the timer.
addEventListener("online", () => {
  if (socket.readyState === WebSocket.CLOSED) connect();
});

connect();
