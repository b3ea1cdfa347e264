import { defineConfig } from "vitepress";

/** The site of the guide: `scripts/docs.sh` builds it into `target/site`. */
export default defineConfig({
  title: "Offhook",
  description: "A SIP user agent that runs everywhere: one Rust core in the browser and natively, one API in JavaScript and Rust.",
  lang: "en",
  head: [["link", { rel: "icon", href: "/icon.svg", type: "image/svg+xml" }]],
  cleanUrls: true,
  outDir: "../target/site",
  cacheDir: "../target/docs-cache",
  markdown: { languageAlias: { in: "ini", conf: "ini" } },
  // The samples are code, not pages.
  srcExclude: ["samples/**", "node_modules/**", "README.md"],
  // The references are written beside the pages, by typedoc and rustdoc.
  ignoreDeadLinks: [/^\/api\//],
  themeConfig: {
    logo: "/icon.svg",
    socialLinks: [{ icon: "github", link: "https://github.com/offhook/offhook" }],
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Start", link: "/start/javascript" },
      { text: "Guide", link: "/guide/calls" },
      { text: "Coming from", link: "/coming-from/jssip" },
      { text: "Reference", link: "/reference/rfcs" },
      { text: "TypeScript API", link: "/api/js/index.html", target: "_self" },
      { text: "Rust API", link: "/api/rust/offhook/index.html", target: "_self" },
    ],
    sidebar: [
      {
        text: "Five minutes to a first call",
        items: [
          { text: "JavaScript", link: "/start/javascript" },
          { text: "React", link: "/start/react" },
          { text: "Rust", link: "/start/rust" },
        ],
      },
      {
        text: "Guide",
        items: [
          { text: "Calls", link: "/guide/calls" },
          { text: "Transfer", link: "/guide/transfer" },
          { text: "Surviving networks", link: "/guide/networks" },
          { text: "Workers and tabs", link: "/guide/workers" },
          { text: "Media", link: "/guide/media" },
          { text: "Lines, conferences, quality", link: "/guide/lines" },
          { text: "Presence, voicemail, messages", link: "/guide/events" },
          { text: "The web phone", link: "/guide/phone" },
          { text: "Seeing what happens", link: "/guide/trace" },
          { text: "Production and metrics", link: "/guide/production" },
          { text: "Servers", link: "/guide/servers" },
          { text: "Security", link: "/guide/security" },
        ],
      },
      {
        text: "Coming from",
        items: [
          { text: "JsSIP", link: "/coming-from/jssip" },
          { text: "SIP.js", link: "/coming-from/sipjs" },
          { text: "sipgo", link: "/coming-from/sipgo" },
          { text: "PJSIP", link: "/coming-from/pjsip" },
        ],
      },
      {
        text: "Reference",
        items: [
          { text: "RFCs, and the test of each", link: "/reference/rfcs" },
          { text: "Command line", link: "/command-line" },
          { text: "How it is built", link: "/reference/architecture" },
          { text: "Performance", link: "/performance" },
        ],
      },
    ],
  },
});
