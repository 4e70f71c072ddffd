import { cleanup, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Markdown } from "./Markdown";
import RenderedMarkdown from "./RenderedMarkdown";

afterEach(cleanup);

function shown(text: string): HTMLElement {
  return render(<RenderedMarkdown text={text} />).container;
}

test("what is written is shown as it was meant", () => {
  const place = shown("# Found\n\n- **two** pages\n- [x] read\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n`x < y`");
  expect(screen.getByRole("heading", { name: "Found", level: 3 })).toBeDefined();
  expect(place.querySelector("li strong")?.textContent).toBe("two");
  expect(place.querySelectorAll("td")).toHaveLength(2);
  expect(place.querySelector("code")?.textContent).toBe("x < y");
  expect(place.textContent).toContain("☑");
});

test.each([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "before <svg onload=alert(1)> after",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<a href='javascript:alert(1)'>here</a>",
  "<style>body{display:none}</style>",
  "<!-- hidden --><form action=https://evil.example><input name=password></form>",
])("HTML stays text: %s", (html) => {
  const place = shown(html);
  expect(place.querySelector("script,img,svg,iframe,a,style,form,input")).toBeNull();
  expect(place.textContent).toContain(html.slice(html.indexOf("<")));
});

test.each([
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\tscript:alert(1)",
  "&#106;avascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  "blob:https://evil.example/1",
  "file:///etc/passwd",
  "//evil.example",
  "/api/me",
  "#top",
])("a link to %s is no link", (address) => {
  const place = shown(`[here](<${address}>) and ![there](<${address}>)`);
  expect(place.querySelector("a,img")).toBeNull();
  expect(place.textContent).toContain("here");
  expect(place.textContent).toContain("there");
});

test.each(["https://example.com/a?b=c", "http://example.com/", "mailto:ana@example.com"])(
  "a link to %s leads out, and takes nothing along",
  (address) => {
    const link = shown(`[here](${address})`).querySelector("a");
    expect(link?.getAttribute("href")).toBe(address);
    expect(link?.getAttribute("rel")).toBe("noopener noreferrer nofollow");
  },
);

test("an image is a link: nothing is loaded from elsewhere", () => {
  const place = shown("![a chart](https://evil.example/pixel.png)");
  expect(place.querySelector("img")).toBeNull();
  expect(screen.getByRole("link", { name: "a chart" }).getAttribute("href")).toContain("evil.example");
});

test.each([
  "> ".repeat(2_000),
  "- ".repeat(2_000),
  "1. ".repeat(2_000),
  `${"*".repeat(3_000)}a${"*".repeat(3_000)}`,
  "www.a_".repeat(8_000),
  "a\n\n".repeat(100_000),
])("a text that is made to keep a renderer busy is shown as it came: %#", (text) => {
  const place = render(<Markdown text={`${text}end`} />).container;
  expect(place.querySelector(".words")?.textContent).toBe(`${text}end`);
});

test.each(["----------------------------", "| a | b |\n|---|---|", "> - 1. deep enough", "* * *"])(
  "what people write is no such text: %#",
  async (text) => {
    const place = render(<Markdown text={text} />).container;
    await waitFor(() => expect(place.querySelector(".markdown:not(.words)")).not.toBeNull());
  },
);
