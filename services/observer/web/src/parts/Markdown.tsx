import { Component, lazy, type ReactNode, Suspense } from "react";
import { isEndless } from "./endless";

// Without its renderer, a text is still a text.
const Rendered = lazy(() => import("./RenderedMarkdown").catch(() => ({ default: Plain })));

/** What agents and people write, as they meant it; as plain text where that fails. */
export function Markdown({ text }: { text: string }) {
  const plain = <Plain text={text} />;
  if (isEndless(text)) return plain;
  return (
    <Unless key={text} instead={plain}>
      <Suspense fallback={plain}>
        <Rendered text={text} />
      </Suspense>
    </Unless>
  );
}

function Plain({ text }: { text: string }) {
  return <div className="markdown words">{text}</div>;
}

/** A text can be written so that a renderer gives up. */
class Unless extends Component<{ instead: ReactNode; children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? this.props.instead : this.props.children;
  }
}
