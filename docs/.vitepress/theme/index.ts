import DefaultTheme from "vitepress/theme";
import type { Theme } from "vitepress";
import Sheet from "./Sheet.vue";
import "./style.css";

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => void app.component("Sheet", Sheet),
} satisfies Theme;
