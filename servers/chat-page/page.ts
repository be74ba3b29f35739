/** The chat page's files as answers: read once, when the server starts. */
import { readFileSync } from "node:fs";
import { ownFile } from "../../platform/own.ts";
import { answer, type HttpAnswer, type HttpRequest } from "../../protocols/ws-handshake.ts";

const files = [
  { path: "/", file: "index.html", type: "text/html" },
  { path: "/chat.js", file: "chat.js", type: "text/javascript" },
  { path: "/chat.css", file: "chat.css", type: "text/css" },
];

const headers = {
  // Nothing but our own files and our own socket: should foreign text ever become markup, it could do nothing.
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-cache",
};

/** What answers a request for one of the files, or for none. */
export function readPage(): (request: HttpRequest) => HttpAnswer {
  const answers = new Map<string, HttpAnswer>();
  for (const { path, file, type } of files)
    answers.set(path, {
      status: 200,
      fields: { ...headers, "Content-Type": `${type};charset=utf-8` },
      body: readFileSync(ownFile(`servers/chat-page/${file}`)),
    });
  return ({ method, path }) => {
    const file = answers.get(path);
    if (!file) return answer(404, "not found");
    return method === "GET" || method === "HEAD" ? file : answer(405, "GET or HEAD", { Allow: "GET, HEAD" });
  };
}
