// Passkeys need a script: the browser hands out a signature to nothing else. Pages work without it.
"use strict";
(() => {
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
  const hex = (buffer) =>
    Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const form = document.getElementById("passkey");
  if (!form || !window.PublicKeyCredential || !navigator.credentials) return;
  const told = document.getElementById("passkey-told");
  const fill = (fields) => {
    for (const [name, value] of Object.entries(fields)) form.elements[name].value = hex(value);
    form.submit();
  };
  const add = async () => {
    const made = await navigator.credentials.create({
      publicKey: {
        challenge: bytes(form.dataset.challenge),
        rp: { name: "Sekisho" },
        user: {
          id: bytes(form.dataset.handle),
          name: form.dataset.name,
          displayName: form.dataset.name,
        },
        pubKeyCredParams: [{ type: "public-key", alg: -7 }],
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        attestation: "none",
      },
    });
    fill({ client: made.response.clientDataJSON, data: made.response.attestationObject });
  };
  const enter = async () => {
    const made = await navigator.credentials.get({
      publicKey: { challenge: bytes(form.dataset.challenge), userVerification: "required" },
    });
    fill({
      id: made.rawId,
      client: made.response.clientDataJSON,
      data: made.response.authenticatorData,
      signature: made.response.signature,
    });
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    told.hidden = true;
    (form.dataset.handle ? add : enter)().catch(() => {
      told.hidden = false;
    });
  });
})();
