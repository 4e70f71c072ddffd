import { type CSSVariablesResolver, createTheme } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "violet",
  primaryShade: { light: 8, dark: 7 },
  autoContrast: true,
  defaultRadius: "md",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  headings: { fontWeight: "650" },
  cursorType: "pointer",
  // What is too wide for it scrolls in it, and pushes nothing out of sight.
  components: {
    Alert: { styles: { body: { minWidth: 0 } } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
  },
});

/** Quiet text, what stands in empty fields, and errors stand out enough from both grounds (WCAG AA). */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#52595f",
    "--mantine-color-placeholder": "#6b7278",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    "--mantine-color-red-outline": "var(--mantine-color-red-9)",
    "--mantine-color-yellow-outline": "#8f5600",
    "--mishap": "#a23809",
    "--ground": "#f7f7fa",
  },
  dark: {
    "--mantine-color-dimmed": "#b3b8bd",
    "--mantine-color-placeholder": "#9a9fa5",
    "--mantine-color-error": "var(--mantine-color-red-3)",
    "--mishap": "var(--mantine-color-orange-3)",
    "--ground": "#17181c",
  },
});
