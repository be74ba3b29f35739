/** Framing: how many ways to cut the stream were tried, and what broke. */
import { html, table } from "../../pages/html.ts";
import type { Section } from "./section.ts";
import { count } from "./units.ts";

export const framing: Section = {
  id: "framing",
  title: "Framing",
  render({ groups, name }) {
    const rows = groups.flatMap((group) =>
      group.samples.flatMap(({ detail }) =>
        detail?.scenario === "framing"
          ? detail.stages.map(({ name: stage, tried, possible, counts, stopped }) => {
              const faults = Object.entries(counts).filter(([, n]) => n > 0);
              return [
                `${name(group)}: ${stage}`,
                possible > tried ? `${count(tried)} of ${count(possible)}` : count(tried),
                faults.length === 0
                  ? html`<span class="right">none</span>`
                  : html`<strong class="wrong">${faults.map(([kind, n]) => `${count(n)} ${kind}`).join(", ")}</strong>`,
                stopped ?? "–",
              ];
            })
          : [],
      ),
    );
    if (rows.length === 0) return undefined;
    return html`<p>Lines split and joined at the places where a server could take a read for a message. <b>Look for</b> any
fault at all: one cut that loses a line loses it on a real network too, only rarely.</p>
${table({ head: ["stage", "cases tried", "faults", "ended early"], rows }, true)}`;
  },
};
