// The server that gave this page: the only place that it asks.

class Server {
  constructor() {
    this.token = new URLSearchParams(location.search).get("token") ?? "";
    this.session = "";
  }

  headers() {
    return { "X-Xrdfit-Token": this.token, "X-Xrdfit-Session": this.session };
  }

  /** Ask; what the server refuses is an error with its message. */
  async ask(method, path, body, raw = false) {
    let reply;
    try {
      reply = await fetch(path, { method, headers: this.headers(), body });
    } catch {
      throw new Error("the server does not answer: start `xrdfit app` again and open the address that it prints");
    }
    if (!reply.ok) {
      const told = await reply.json().catch(() => ({}));
      throw new Error(told.message ?? `the server answered ${reply.status}`);
    }
    return raw ? reply.blob() : reply.json();
  }

  async begin() {
    this.session = (await this.ask("POST", "/api/session")).session;
    setInterval(() => this.ask("GET", "/api/alive").catch(error => say(error.message)), 15000);
    addEventListener("pagehide", () => fetch("/api/session", { method: "DELETE", headers: this.headers(), keepalive: true }));
    addEventListener("pageshow", event => event.persisted && location.reload());
  }

  async upload(file, most) {
    if (file.size > most) throw new Error(`${file.name}: ${(file.size / 1e6).toFixed(0)} MB; at most ${most / 1e6} MB are taken`);
    return this.ask("PUT", `/api/files?name=${encodeURIComponent(file.name)}`, file);
  }

  /** Do a job; `tell(stage, part, job)` hears how it goes. Null where it was cancelled. */
  async run(task, tell = () => {}) {
    const { job } = await this.ask("POST", "/api/jobs", JSON.stringify(task));
    for (let wait = 60; ; wait = Math.min(wait * 1.4, 300)) {
      await new Promise(resolve => setTimeout(resolve, wait));
      const now = await this.ask("GET", `/api/jobs/${job}`);
      tell(now.stage, now.part, job);
      if (now.state === "done") return this.ask("GET", `/api/jobs/${job}/answer`);
      if (now.state === "cancelled") return null;
      if (now.state === "failed") throw new Error(now.message);
    }
  }

  cancel(job) {
    return this.ask("DELETE", `/api/jobs/${job}`);
  }
}
