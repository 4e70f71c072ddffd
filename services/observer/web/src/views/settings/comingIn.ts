import type { Schemas } from "@/api/client";
import { PROVIDERS, type Ways } from "@/shell/ways";

type User = Pick<Schemas["UserView"], "name" | "email">;
interface Told {
  sentences: string[];
  /** What has to be run for them. */
  command?: string;
}

/** How somebody who was just let in gets in. `ways`: undefined where they are not known. */
export function comingIn({ name, email }: User, ways: Ways | undefined): Told {
  const sentences = [`Nobody is told by itself: let ${name} know.`];
  const providers = ways?.providers ?? [];
  if (providers.length > 0) {
    const by = providers.map((provider) => `“${PROVIDERS[provider]}”`).join(" or ");
    sentences.push(
      email
        ? `They open ${location.origin} and choose ${by}, with ${email}: by that address they are recognised.`
        : `They cannot sign in by ${by} yet: without an e-mail address nobody recognises them there.`,
    );
  }
  if (ways?.development_login) {
    const link = "a link that signs one browser in, once";
    sentences.push(providers.length > 0 ? `Or run this for ${link}.` : `Run this for ${link}.`);
    return { sentences, command: `oblivion login --user ${quoted(email ?? name)}` };
  }
  if (ways && providers.length === 0) {
    sentences.push("No way to sign in is set up yet: the operator sets up OIDC or Sign in with Slack.");
  }
  return { sentences };
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@.+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
