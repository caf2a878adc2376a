// RFC 6455 framing, enough for both ends of a test: text, binary, ping, pong, close, fragments; no extensions.
import crypto from 'node:crypto';

export const acceptFor = (key) =>
  crypto.createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export function frame(opcode, payload, { mask = false, fin = true } = {}) {
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload ?? '');
  const head = [(fin ? 0x80 : 0) | opcode];
  const flag = mask ? 0x80 : 0;
  if (bytes.length < 126) head.push(flag | bytes.length);
  else if (bytes.length < 65536) head.push(flag | 126, bytes.length >> 8, bytes.length & 255);
  else {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(bytes.length));
    head.push(flag | 127, ...size);
  }
  if (!mask) return Buffer.concat([Buffer.from(head), bytes]);
  const key = crypto.randomBytes(4);
  const masked = Buffer.from(bytes);
  for (let i = 0; i < masked.length; i++) masked[i] ^= key[i & 3];
  return Buffer.concat([Buffer.from(head), key, masked]);
}

export function closeFrame(code, reason = '', options = {}) {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame(OP.close, payload, options);
}

/// Feeds raw bytes, calls `onFrame({ opcode, fin, masked, payload })` for each whole frame.
export class FrameReader {
  constructor(onFrame) {
    this.onFrame = onFrame;
    this.pending = Buffer.alloc(0);
  }

  feed(bytes) {
    this.pending = Buffer.concat([this.pending, bytes]);
    while (this.#one());
  }

  #one() {
    const b = this.pending;
    if (b.length < 2) return false;
    let size = b[1] & 127;
    let at = 2;
    if (size === 126) {
      if (b.length < 4) return false;
      size = b.readUInt16BE(2);
      at = 4;
    } else if (size === 127) {
      if (b.length < 10) return false;
      size = Number(b.readBigUInt64BE(2));
      at = 10;
    }
    const masked = (b[1] & 128) !== 0;
    const key = masked ? b.subarray(at, at + 4) : null;
    if (masked) at += 4;
    if (b.length < at + size) return false;
    const payload = Buffer.from(b.subarray(at, at + size));
    if (key) for (let i = 0; i < payload.length; i++) payload[i] ^= key[i & 3];
    this.pending = b.subarray(at + size);
    this.onFrame({ opcode: b[0] & 15, fin: (b[0] & 128) !== 0, masked, payload });
    return true;
  }
}

/// A reply for `upstream.mjs`: accepts the upgrade, then hands every frame to `onFrame(frame, send, wire)`,
/// and answers a close with a close.
export function websocketReply(onFrame, { protocol, headers = [] } = {}) {
  return async (request, wire) => {
    const key = request.headers.find(([name]) => name.toLowerCase() === 'sec-websocket-key')?.[1];
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptFor(key)}`];
    if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
    for (const [name, value] of headers) lines.push(`${name}: ${value}`);
    const send = (bytes) => wire.write(bytes);
    request.frames = [];
    const reader = new FrameReader((one) => {
      request.frames.push(one);
      if (one.opcode === OP.close) send(frame(OP.close, one.payload)).then(() => wire.end());
      onFrame(one, send, wire);
    });
    const early = request.rawBody.splice(0);
    request.onData = (bytes) => reader.feed(bytes);
    await wire.write(`${lines.join('\r\n')}\r\n\r\n`);
    for (const bytes of early) reader.feed(bytes);
    await onFrame({ opcode: -1, open: true }, send, wire);
  };
}
