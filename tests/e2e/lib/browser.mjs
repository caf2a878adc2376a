// Chromium without a window, driven over the DevTools protocol on two pipes: no port, and nothing from npm.
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { PATIENCE, tempFolder } from './lurus.mjs';

const folders = (process.env.PATH ?? '').split(':');
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
export const CHROMIUM = process.env.LURUS_CHROMIUM || names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find((file) => fs.existsSync(file));
export const missing = !CHROMIUM && 'no chromium here (Debian: apt install chromium)';

const LONG = 20_000 * PATIENCE;

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.folder = tempFolder('lurus-chromium-');
    // Root has no user namespace to sandbox in; containers have a small /dev/shm.
    browser.process = spawn(CHROMIUM, ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${browser.folder}`, '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--password-store=basic', 'about:blank'],
      { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], env: { ...process.env, HOME: browser.folder, LANG: 'en_US.UTF-8' } });
    browser.said = '';
    browser.process.stderr.setEncoding('utf8').on('data', (text) => { browser.said = (browser.said + text).slice(-4000); });
    browser.gone = new Promise((resolve) => browser.process.once('exit', resolve));
    browser.gone.then(() => { browser.ended = true; for (const { reject } of browser.calls.values()) reject(new Error(`chromium ended: ${browser.said}`)); });
    browser.calls = new Map();
    browser.tabs = new Map();
    browser.number = 0;
    let rest = Buffer.alloc(0);
    browser.process.stdio[4].on('data', (part) => {
      rest = Buffer.concat([rest, part]);
      for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) browser.take(JSON.parse(rest.subarray(0, end).toString()));
    });
    browser.process.stdio[3].on('error', () => {}); // it ended; `gone` says so
    return browser;
  }

  take(message) {
    if (message.id === undefined) return this.tabs.get(message.sessionId)?.take(message.method, message.params);
    const call = this.calls.get(message.id);
    this.calls.delete(message.id);
    if (message.error) call.reject(new Error(`${call.method}: ${message.error.message}`));
    else call.resolve(message.result);
  }

  send(method, params = {}, sessionId) {
    if (this.ended) return Promise.reject(new Error(`chromium ended: ${this.said}`));
    const id = ++this.number;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject, method });
      this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /// A tab with cookies of its own.
  async tab() {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId, targetId);
    this.tabs.set(sessionId, tab);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'Accessibility']) await tab.send(`${domain}.enable`);
    await tab.look({});
    await tab.send('Emulation.setFocusEmulationEnabled', { enabled: true });
    return tab;
  }

  async close() {
    this.send('Browser.close').catch(() => {}); // it ends before it answers
    await this.gone;
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Tab {
  said = []; // what the page threw, and what the browser refused to do for it
  status = 0; // of the last document

  constructor(browser, session, target) {
    Object.assign(this, { browser, session, target });
  }
  send(method, params) {
    return this.browser.send(method, params, this.session);
  }
  take(method, params) {
    if (method === 'Runtime.exceptionThrown') this.said.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Log.entryAdded' && params.entry.source !== 'network') this.said.push(params.entry.text);
    if (method === 'Network.responseReceived' && params.type === 'Document') this.status = params.response.status;
    if (method === 'Page.loadEventFired') this.loaded?.();
  }
  /// How the page is seen from now on; a telephone is narrower than 600 px.
  async look({ width = 1024, height = 800, dark = false }) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  }
  async open(url) {
    const loaded = new Promise((resolve) => { this.loaded = resolve; });
    const { errorText, loaderId } = await this.send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    if (loaderId) await loaded;
  }
  async reload() {
    const loaded = new Promise((resolve) => { this.loaded = resolve; });
    await this.send('Page.reload');
    await loaded;
  }
  /// The value of an expression in the page.
  async run(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
  /// Waits until an expression is true, also over loads of pages.
  async until(expression, what = expression) {
    const end = Date.now() + LONG;
    for (;;) {
      // A page that is being replaced answers nothing.
      if (await this.run(expression).catch(() => false)) return;
      if (Date.now() > end) throw new Error(`not within ${LONG} ms: ${what}\n${await this.run('location.pathname + "\\n" + document.body.innerText')}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  says(text) {
    return this.until(`document.querySelector('main')?.innerText.includes(${JSON.stringify(text)})`, `the page says "${text}"`);
  }
  async key(key, { shift = false, code = key } = {}) {
    const text = { Enter: '\r' }[key];
    const common = { key, code, modifiers: shift ? 8 : 0, windowsVirtualKeyCode: { Enter: 13, Tab: 9, ' ': 32 }[key] };
    await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', text, ...common });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }
  /// Types into whatever is in focus.
  type(text) {
    return this.send('Input.insertText', { text });
  }
  focused() {
    return this.run('document.activeElement.id || document.activeElement.innerText');
  }
  async picture(file) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }
  async close() {
    await this.browser.send('Target.closeTarget', { targetId: this.target });
    this.browser.tabs.delete(this.session);
  }
}
