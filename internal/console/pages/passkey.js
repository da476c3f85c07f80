// Passkeys: the browser makes and asks for them only where a script does. Without this
// one signs in by a password.
"use strict";

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  // ask fetches what the browser is to be asked; what is wrong comes as words.
  const ask = async (address, form) => {
    const answer = await fetch(address, { method: "POST", body: new URLSearchParams(form ? new FormData(form) : undefined), redirect: "error" });
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text).publicKey;
    throw { words: answer.headers.get("Content-Type")?.startsWith("text/plain") && text };
  };
  // put hands something in with a form.
  const put = (form, name, credential) => {
    const field = form.elements[name] ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name }));
    field.value = JSON.stringify(credential.toJSON());
  };
  // trying says what went wrong in the form's output.
  const trying = async (form, what) => {
    const said = form.querySelector("output");
    said.textContent = "";
    try { await what(); } catch (e) { said.textContent = e.words || said.dataset.failed; }
  };

  document.querySelectorAll("[data-passkey]").forEach(button => {
    button.hidden = false;
    button.addEventListener("click", () => trying(button.form, async () => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await ask(button.dataset.passkey));
      put(button.form, "passkey", await navigator.credentials.get({ publicKey }));
      button.form.querySelectorAll("input[name=password]").forEach(field => { field.required = false; });
      button.form.requestSubmit();
    }));
  });

  document.querySelectorAll("form[data-new-passkey]").forEach(form => {
    form.hidden = false;
    form.addEventListener("submit", event => {
      event.preventDefault();
      trying(form, async () => {
        const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await ask(form.dataset.newPasskey, form));
        put(form, "created", await navigator.credentials.create({ publicKey }));
        form.submit();
      });
    });
  });
}
