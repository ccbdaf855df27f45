/* Comforts on top of pages that work without them. No framework, no eval, no inline anything. */
"use strict";
(function () {
  const root = document.documentElement;
  const $ = (selector, within) => (within || document).querySelector(selector);
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const on = (event, handler) => document.addEventListener(event, handler);

  function toast(text) {
    const said = document.createElement("div");
    said.className = "toast";
    said.setAttribute("role", "status");
    said.textContent = text;
    document.body.append(said);
    setTimeout(() => said.remove(), 4000);
  }

  /* -------------------------------------------------- mode and contrast: at once, and remembered; the form alone does it too */
  const STATES = { mode: ["elder", "plain", "退出长辈版", "长辈版"], contrast: ["high", "normal", "恢复普通对比度", "高对比度"] };

  function applyFace(name, value) {
    const [strong, plain, leave, enter] = STATES[name];
    root.dataset[name] = value;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = name + "=" + value + "; path=/; max-age=31536000; samesite=lax" + secure;
    all('form[data-face="' + name + '"] button').forEach((button) => {
      button.value = value === strong ? plain : strong;
      button.setAttribute("aria-pressed", String(value === strong));
      const words = $("span", button);
      if (words) words.textContent = value === strong ? leave : enter;
    });
    toast(value === strong ? "已切换到" + enter : "已" + leave);
  }

  on("submit", (event) => {
    const name = event.target.dataset.face;
    if (!name) return;
    event.preventDefault();
    applyFace(name, event.submitter ? event.submitter.value : STATES[name][0]);
  });

  /* -------------------------------------------------- errors: focus the summary; its links focus the control */
  function focusErrors(within) {
    /* Once each: answers about single fields keep coming while the clerk mends the next one, and must not take the focus away. */
    const summary = $("[data-focus]:not([data-focused])", within);
    if (!summary) return;
    summary.dataset.focused = "";
    summary.focus();
  }

  on("click", (event) => {
    const link = event.target.closest('.errors a[href^="#"]');
    const target = link && document.getElementById(link.hash.slice(1));
    if (!target) return;
    event.preventDefault();
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  });

  /* -------------------------------------------------- keyboard: / to the search, Escape closes what is open */
  on("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = all("[data-slash]").find((input) => input.offsetParent);
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
    if (event.key === "Escape") {
      all("details[data-menu][open]").forEach((menu) => {
        menu.open = false;
        $("summary", menu).focus();
      });
      closeTree();
    }
  });
  on("click", (event) => {
    all("details[data-menu][open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  /* -------------------------------------------------- the tree on a phone */
  let treeOpener = null;
  function closeTree() {
    const tree = $(".side.is-open");
    if (!tree) return;
    tree.classList.remove("is-open");
    if (treeOpener) treeOpener.focus();
  }
  on("click", (event) => {
    const opener = event.target.closest("[data-menu-open]");
    if (opener) {
      event.preventDefault();
      treeOpener = opener;
      $(".side").classList.add("is-open");
      ($(".side [aria-current]") || $(".side a")).focus();
    } else if (event.target.closest("[data-menu-close]")) {
      event.preventDefault();
      closeTree();
      if (location.hash === "#menu") location.hash = "#main";
    }
  });
  on("focusin", (event) => {
    const tree = $(".side.is-open");
    if (tree && !tree.contains(event.target)) ($("a", tree) || tree).focus();
  });

  /* -------------------------------------------------- dialogs */
  on("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    const closer = event.target.closest("[data-close]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialog);
      if (dialog && dialog.showModal) {
        event.preventDefault();
        dialog.showModal();
      }
    } else if (closer) {
      const dialog = closer.closest("dialog");
      if (dialog && dialog.open) {
        event.preventDefault();
        dialog.close();
      }
    }
  });
  function watchTyped(input) {
    const button = $("button.primary", input.form);
    const judge = () => { button.disabled = input.value.trim() !== input.dataset.typed; };
    input.addEventListener("input", judge);
    judge();
  }

  /* -------------------------------------------------- forms: one submit, drafts, files */
  on("submit", (event) => {
    const form = event.target;
    if (form.dataset.face || event.defaultPrevented) return;
    if (form.method === "post") {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "1";
      if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
    }
    delete form.dataset.dirty;
  });
  function release(form) {
    delete form.dataset.sent;
    delete form.dataset.dirty;
    all('[aria-busy="true"]', form).forEach((button) => button.removeAttribute("aria-busy"));
  }
  window.addEventListener("pageshow", () => all("form").forEach(release));

  on("input", (event) => {
    const form = event.target.form;
    if (!form || !("draft" in form.dataset)) return;
    form.dataset.dirty = "1";
    all("[data-draft-note]", form).forEach((note) => { note.textContent = "有未保存的修改"; });
  });
  window.addEventListener("beforeunload", (event) => {
    if (all("form[data-dirty]").length) event.preventDefault();
  });

  function sizeShown(bytes) {
    const kilobytes = Math.ceil(bytes / 1024);
    return kilobytes < 1024 ? kilobytes + " KB" : (kilobytes / 1024).toFixed(1) + " MB";
  }
  function showChosen(zone) {
    const files = Array.from($("input[type=file]", zone).files);
    zone.classList.toggle("is-chosen", files.length > 0);
    $("[data-chosen]", zone).textContent = files.length ? "已选择：" + files.map((file) => file.name + "（" + sizeShown(file.size) + "）").join("、") : "";
  }
  on("change", (event) => {
    const zone = event.target.closest("[data-drop]");
    if (zone) showChosen(zone);
  });
  ["dragover", "dragleave", "drop"].forEach((kind) => on(kind, (event) => {
    const zone = event.target.closest && event.target.closest("[data-drop]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("is-over", kind === "dragover");
    if (kind === "drop") {
      const input = $("input[type=file]", zone);
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }));

  /* A photo is seen before it is sent. */
  on("change", (event) => {
    const shown = event.target.type === "file" && event.target.closest("[data-photo]");
    const file = shown && event.target.files[0];
    if (!file) return;
    const reader = new FileReader();
    reader.onload = () => {
      const image = $("[data-photo-shown]", shown);
      image.src = reader.result;
      image.hidden = false;
    };
    reader.readAsDataURL(file);
  });

  /* -------------------------------------------------- tables: select all, count, buttons that need a choice */
  function countPicks(table) {
    const boxes = all("[data-pick]", table);
    const chosen = boxes.filter((box) => box.checked).length;
    const whole = $("[data-pick-all]", table);
    if (whole) {
      whole.checked = chosen > 0 && chosen === boxes.length;
      whole.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    all("[data-pick-count]").forEach((place) => { place.textContent = String(chosen); });
    all("[data-needs-pick]").forEach((button) => { button.disabled = chosen === 0; });
  }
  on("change", (event) => {
    const table = event.target.closest("[data-picks]");
    if (!table) return;
    if (event.target.matches("[data-pick-all]")) all("[data-pick]", table).forEach((box) => { box.checked = event.target.checked; });
    countPicks(table);
  });

  /* -------------------------------------------------- scans: closer, and the right way up */
  on("click", (event) => {
    const button = event.target.closest("[data-scan] [data-zoom], [data-scan] [data-turn]");
    if (!button) return;
    const scan = button.closest("[data-scan]").dataset;
    if ("turn" in button.dataset) scan.turned = String((Number(scan.turned || 0) + 1) % 4);
    else scan.level = String(Math.min(3, Math.max(0, Number(scan.level || 0) + Number(button.dataset.zoom))));
  });

  /* -------------------------------------------------- keys of the review page: they move the focus, Enter acts; one button turns them off */
  let keysOff = localStorage.getItem("keys") === "off";
  function showKeys(button) {
    button.setAttribute("aria-pressed", String(!keysOff));
  }
  on("click", (event) => {
    const button = event.target.closest("[data-keys]");
    if (!button) return;
    keysOff = !keysOff;
    localStorage.setItem("keys", keysOff ? "off" : "on");
    showKeys(button);
    toast(keysOff ? "已关闭快捷键" : "已开启快捷键");
  });
  function nextRow(step) {
    const boxes = all("[data-picks] [data-pick]");
    const at = boxes.indexOf(document.activeElement);
    const box = boxes[at < 0 ? (step > 0 ? 0 : boxes.length - 1) : Math.min(boxes.length - 1, Math.max(0, at + step))];
    if (box) {
      box.focus();
      box.closest("tr").scrollIntoView({ block: "center" });
    }
  }
  on("keydown", (event) => {
    if (keysOff || event.ctrlKey || event.metaKey || event.altKey || !$("[data-keys]")) return;
    if (event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, dialog[open]")) return;
    if (event.key === "j" || event.key === "k") nextRow(event.key === "j" ? 1 : -1);
    const button = /^[pr]$/.test(event.key) && $('[data-key="' + event.key + '"]');
    if (button) button.focus();
  });

  /* -------------------------------------------------- buttons that print, show a password or read aloud */
  const speech = window.speechSynthesis;
  function readAloud(button) {
    const words = $("span", button);
    if (speech.speaking) {
      speech.cancel();
      return;
    }
    const source = document.getElementById(button.dataset.speak);
    const said = new SpeechSynthesisUtterance(source.innerText.replace(/\s+/g, " "));
    said.lang = "zh-CN";
    said.rate = 0.9;
    said.onend = said.onerror = () => { words.textContent = "朗读本页"; };
    words.textContent = "停止朗读";
    speech.speak(said);
  }
  on("click", (event) => {
    const speaker = event.target.closest("[data-speak]");
    const printer = event.target.closest("[data-print]");
    const shower = event.target.closest("[data-show]");
    if (speaker) readAloud(speaker);
    if (printer) window.print();
    if (shower) {
      shower.dataset.show.split(" ").forEach((id) => { document.getElementById(id).type = shower.checked ? "text" : "password"; });
    }
  });

  /* -------------------------------------------------- session: warn two minutes before the end; every answer of the server renews it */
  const WARN_SECONDS = 120;
  let ends = 0;
  function renewSession() {
    const dialog = $("[data-session-seconds]");
    if (dialog) ends = Date.now() + Number(dialog.dataset.sessionSeconds) * 1000;
  }
  function watchSession() {
    const dialog = $("[data-session-seconds]");
    if (!dialog) return;
    renewSession();
    $("[data-session-stay]", dialog).addEventListener("click", async () => {
      const answer = await fetch(dialog.dataset.sessionPing, { credentials: "same-origin" }).catch(() => null);
      if (answer && answer.ok) {
        renewSession();
        dialog.close();
      } else {
        ends = 0;
      }
    });
    setInterval(() => {
      const left = Math.round((ends - Date.now()) / 1000);
      const over = left <= 0;
      all("[data-session-live]", dialog).forEach((part) => { part.hidden = over; });
      all("[data-session-over]", dialog).forEach((part) => { part.hidden = !over; });
      $("[data-session-left]", dialog).textContent = left > 60 ? "2 分钟" : left + " 秒";
      if (left <= WARN_SECONDS && !dialog.open) dialog.showModal();
    }, 1000);
  }

  /* -------------------------------------------------- start, and again for what htmx swaps in */
  function wake(within) {
    all("[data-speak]", within).forEach((button) => { button.hidden = !speech; });
    all("[data-show]", within).forEach((box) => { box.closest("label").hidden = false; });
    all("[data-typed]", within).forEach(watchTyped);
    all("[data-keys]", within).forEach(showKeys);
    all("[data-picks]", within).forEach(countPicks);
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.matches("dialog") && !("opened" in target.dataset)) {
      target.dataset.opened = "";  /* once: whoever closed it is not asked again when a row of the page is drawn anew */
      target.showModal();
    }
  }
  on("htmx:after:swap", () => {
    wake(document);
    focusErrors(document);
  });
  on("htmx:after:request", renewSession);
  on("htmx:finally:request", (event) => {
    const form = event.target.closest && event.target.closest("form");
    if (form) release(form);
  });
  on("htmx:error", () => toast("网络不通，刚才的操作没有送达。请检查网络后再试一次，已填内容仍在本页。"));
  root.classList.add("js");
  wake(document);
  focusErrors(document);
  watchSession();
})();
