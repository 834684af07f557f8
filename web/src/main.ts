import { mount } from "svelte";
import "../../themes/base.css";
import "./page.css";
import App from "./App.svelte";
import { applyTheme, chosenTheme } from "./theme";

applyTheme(chosenTheme());
const target = document.getElementById("page");
if (target) mount(App, { target });
