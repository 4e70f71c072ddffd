/**
 * Markdown of people who may mean no good: HTML stays text, nothing is loaded, and links lead out only over
 * http, https and mailto. A module of its own, so that only views with texts load the library.
 */

import type { ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { safeHref } from "./links";

const EXTENSIONS = [remarkGfm];
const COMPONENTS: Components = {
  a: ({ href, children }) => <Leading to={href}>{children}</Leading>,
  // The page loads nothing from elsewhere: whoever wants to see it opens it.
  img: ({ src, alt }) => <Leading to={src}>{alt || src || "image"}</Leading>,
  input: ({ checked }) => <span>{checked ? "☑" : "☐"}</span>,
  // They scroll by themselves, so they have to be reached by keyboard.
  pre: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: It scrolls.
    <pre tabIndex={0}>{children}</pre>
  ),
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: It scrolls.
    <div className="scrolls" tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
  // The page's own headings come before theirs.
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h3>{children}</h3>,
  h3: ({ children }) => <h4>{children}</h4>,
  h4: ({ children }) => <h5>{children}</h5>,
  h5: ({ children }) => <h6>{children}</h6>,
};

export default function RenderedMarkdown({ text }: { text: string }) {
  return (
    <div className="markdown">
      <ReactMarkdown
        remarkPlugins={EXTENSIONS}
        components={COMPONENTS}
        urlTransform={(url) => safeHref(url) ?? ""}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}

function Leading({ to, children }: { to: unknown; children: ReactNode }) {
  if (typeof to !== "string" || to === "") return <span>{children}</span>;
  return (
    <a href={to} title={to} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}
