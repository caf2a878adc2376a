// A client of a WebSocket on the bare socket.
import { OP, FrameReader, closeFrame, frame } from '../../upstream/index.mjs';
import { connectRaw, header } from './raw.mjs';
import { KEY } from './lurus.mjs';

export const WS_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export class WebsocketClient {
  frames = [];
  messages = []; // texts of whole messages

  constructor(client) {
    this.client = client;
    let parts = [];
    this.reader = new FrameReader((one) => {
      this.frames.push(one);
      if (one.opcode > OP.binary) return this.onControl?.(one);
      parts.push(one.payload);
      if (!one.fin) return;
      this.messages.push(Buffer.concat(parts).toString());
      parts = [];
    });
  }

  get answer() { return this.client.answers[0]; }
  get trace() { return header(this.answer, 'x-lurus-trace-id'); }
  get events() { return this.messages.map((text) => JSON.parse(text)); }
  get closed() { return this.frames.find((one) => one.opcode === OP.close); }
  get closeCode() { return this.closed?.payload.readUInt16BE(0); }

  send(payload, { opcode = OP.text, ...more } = {}) {
    return this.client.write(frame(opcode, typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload), { mask: true, ...more }));
  }
  until(condition, what, ms) { return this.client.until(() => condition(this), what, ms); }
  count(n) { return this.until(() => this.messages.length >= n, `${n} messages`); }
  async close(code = 1000) {
    await this.client.write(closeFrame(code, '', { mask: true }));
    await this.client.until(() => this.client.ended || this.closed, 'the close');
    this.client.close();
  }
}

/// Asks for an upgrade; `answer.status` says whether it came. Pings are answered unless `pongs` is false.
export async function upgrade(lurus, target, { headers = '', key = KEY, pongs = true } = {}) {
  const client = await connectRaw(lurus);
  const socket = new WebsocketClient(client);
  if (pongs) socket.onControl = (one) => one.opcode === OP.ping && socket.send(one.payload, { opcode: OP.pong });
  await client.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${WS_KEY}\r\n${key ? `Authorization: Bearer ${key}\r\n` : ''}${headers}\r\n`);
  await client.until(() => client.answers.length === 1 || client.ended, 'the answer to the upgrade');
  const { answer } = socket;
  answer.onData = (bytes) => socket.reader.feed(bytes);
  if (answer.status === 101) for (const bytes of Array.isArray(answer.body) ? answer.body : [answer.body]) socket.reader.feed(bytes);
  return socket;
}

/// The rows of the connection, the oldest first.
export async function rowsOf(lurus, socket, count, ms = 5000) {
  const until = Date.now() + ms * Number(process.env.LURUS_TEST_PATIENCE || 1);
  for (;;) {
    const rows = (await lurus.logs(200)).filter((row) => row.trace_id === socket.trace).reverse();
    if (rows.length >= count || Date.now() > until) return rows;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/// Whole messages that an upstream got, as objects; control frames and what is no JSON are left out.
export const got = (request) =>
  (request?.frames ?? []).filter((one) => one.opcode === OP.text || one.opcode === OP.binary).map((one) => JSON.parse(one.payload.toString()));
