// A client on the bare socket: sends exactly these bytes, keeps exactly what comes back, and how the connection ended.
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageReader, headerOf } from '../../upstream/http_reader.mjs';
import { PATIENCE, KEY } from './lurus.mjs';

export class RawClient {
  answers = [];
  informational = [];
  received = [];
  ended = null; // null, 'end', 'reset'
  #waiters = [];
  #expectedHead = [];

  constructor(socket) {
    this.socket = socket;
    this.reader = new MessageReader('response', {
      head: (answer) => {
        if (answer.status < 200 && answer.status !== 101) this.informational.push(answer);
        else this.answers.push(answer);
      },
      data: (answer, bytes) => answer.onData?.(bytes),
      end: () => this.#wake(),
      error: (text, answer) => {
        if (answer) answer.error = text;
      },
    });
    this.reader.bodiless = (answer) => answer.status >= 200 && this.#expectedHead.shift() === true;
    socket.on('data', (bytes) => {
      this.received.push(bytes);
      this.reader.feed(bytes);
      this.#wake();
    });
    const over = (how) => {
      if (this.ended) return;
      this.ended = how;
      this.endedAt = Date.now();
      this.reader.finish();
      this.#wake();
    };
    socket.on('end', () => over('end'));
    socket.on('error', () => over('reset'));
    socket.on('close', () => over('end'));
  }

  #wake() {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  async write(bytes) {
    if (this.socket.destroyed) return;
    if (!this.socket.write(bytes)) await Promise.race([once(this.socket, 'drain').catch(() => {}), once(this.socket, 'close').catch(() => {})]);
  }

  /// Writes in the given pieces with pauses (numbers, ms) between them.
  async writeSlowly(pieces) {
    for (const piece of pieces) {
      if (typeof piece === 'number') await sleep(piece);
      else await this.write(piece);
    }
  }

  expectHead(isHead) {
    this.#expectedHead.push(isHead);
  }

  async until(condition, what, ms = 10_000) {
    const deadline = Date.now() + ms * PATIENCE;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${what} did not happen in ${ms * PATIENCE} ms; received so far: ${this.text().slice(-600)}`);
      await Promise.race([new Promise((resolve) => this.#waiters.push(resolve)), sleep(Math.min(left, 100))]);
    }
  }

  /// The n-th final answer, complete (or cut by the end of the connection).
  async answer(n = 1, ms = 10_000) {
    await this.until(() => this.answers[n - 1]?.complete || (this.ended && this.answers.length >= n) || this.ended, `answer ${n}`, ms);
    const answer = this.answers[n - 1];
    if (!answer) throw new Error(`the connection ended (${this.ended}) before answer ${n}`);
    if (!answer.complete && Array.isArray(answer.body)) {
      answer.body = Buffer.concat(answer.body);
      answer.rawBody = Buffer.concat(answer.rawBody);
    }
    return answer;
  }

  async closed(ms = 10_000) {
    await this.until(() => this.ended, 'the end of the connection', ms);
    return this.ended;
  }

  text() {
    return Buffer.concat(this.received).toString('latin1');
  }

  /// What has come of the current answer's body.
  bodySoFar(n = this.answers.length) {
    const body = this.answers[n - 1]?.body ?? [];
    return Array.isArray(body) ? Buffer.concat(body) : body;
  }

  reset() {
    this.socket.resetAndDestroy();
  }

  close() {
    this.socket.destroy();
  }
}

export async function connectRaw(lurus, { tls: secure, path } = {}) {
  const target = path ? { path } : { host: '127.0.0.1', port: lurus.port };
  const socket = secure ? tls.connect({ ...target, ...secure }) : net.connect(target);
  socket.setNoDelay?.(true);
  const client = new RawClient(socket);
  await Promise.race([once(socket, secure ? 'secureConnect' : 'connect'), once(socket, 'error').then(([error]) => Promise.reject(error))]);
  return client;
}

/// The bytes of one request. `headers`: [[name, value]]; Host, the key and Content-Length are added where they are missing.
export function requestBytes(method, target, { headers = [], body, key = KEY, version = 'HTTP/1.1', host = 'gateway.test' } = {}) {
  const all = [...headers];
  const has = (name) => headerOf(all, name) !== undefined;
  if (!has('host') && host !== null) all.unshift(['Host', host]);
  if (key && !['authorization', 'x-api-key', 'x-goog-api-key'].some(has)) all.push(['Authorization', `Bearer ${key}`]);
  const bytes = body === undefined ? null : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  if (bytes && !has('content-type')) all.push(['Content-Type', 'application/json']);
  if (bytes && !has('content-length') && !has('transfer-encoding')) all.push(['Content-Length', String(bytes.length)]);
  const head = `${method} ${target} ${version}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes ?? Buffer.alloc(0)]);
}

/// One request on its own connection; the answer, its connection closed.
export async function ask(lurus, method, target, options = {}) {
  const client = await connectRaw(lurus, options);
  try {
    client.expectHead(method === 'HEAD');
    await client.write(requestBytes(method, target, options));
    const answer = await client.answer(1, options.ms ?? 15_000);
    answer.trace = headerOf(answer.headers, 'x-lurus-trace-id');
    answer.connectionEnded = client.ended;
    return answer;
  } finally {
    client.close();
  }
}

export const post = (lurus, target, body, options = {}) => ask(lurus, 'POST', target, { ...options, body });
export const header = (answer, name) => headerOf(answer.headers, name);
export const jsonOf = (answer) => JSON.parse(answer.body.toString('utf8'));
