// An incremental HTTP/1.1 message reader that keeps every byte, for both sides of the wire.
// It accepts whatever frames a message and never corrects anything: tests compare the bytes.

export function parseHead(bytes) {
  const text = bytes.toString('latin1');
  const lines = text.split('\r\n');
  const startLine = lines.shift();
  const headers = [];
  for (const line of lines) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    headers.push([line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]);
  }
  return { startLine, headers };
}

/// The first value of a header, or undefined.
export function headerOf(headers, name) {
  const wanted = name.toLowerCase();
  const found = headers.find(([key]) => key.toLowerCase() === wanted);
  return found?.[1];
}

export function headersOf(headers, name) {
  const wanted = name.toLowerCase();
  return headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

/// Reads messages from one direction of a connection. `kind`: 'request' or 'response'.
/// Events, through the callbacks given: head(message), data(message, bytes), end(message), error(text).
export class MessageReader {
  constructor(kind, callbacks) {
    this.kind = kind;
    this.callbacks = callbacks;
    this.pending = Buffer.alloc(0);
    this.message = null;
    this.state = 'head';
    this.left = 0;
    this.bodiless = () => false; // for responses: whether the request was HEAD and such
  }

  feed(bytes) {
    this.pending = this.pending.length ? Buffer.concat([this.pending, bytes]) : bytes;
    for (let guard = 0; guard < 1e7; guard++) {
      if (!this.#step()) return;
    }
  }

  /// The connection's end: an answer framed by it is complete, anything else is cut.
  finish() {
    if (this.state === 'until_close') {
      this.message.complete = true;
      this.#end();
      return;
    }
    if (this.state !== 'head' && this.state !== 'opaque') this.callbacks.error?.('cut', this.message);
  }

  #step() {
    switch (this.state) {
      case 'head': return this.#head();
      case 'fixed': return this.#fixed();
      case 'chunk_size': return this.#chunkSize();
      case 'chunk_data': return this.#chunkData();
      case 'chunk_crlf': return this.#chunkCrlf();
      case 'trailers': return this.#trailers();
      case 'until_close':
      case 'opaque': return this.#rest();
      default: return false;
    }
  }

  #take(count) {
    const out = this.pending.subarray(0, count);
    this.pending = this.pending.subarray(count);
    this.message?.rawBody.push(out);
    return out;
  }

  #head() {
    const end = this.pending.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const headBytes = Buffer.from(this.pending.subarray(0, end + 4));
    this.pending = this.pending.subarray(end + 4);
    const { startLine, headers } = parseHead(headBytes);
    const message = { headBytes, startLine, headers, rawBody: [], body: [], chunks: [], trailers: [], complete: false, at: Date.now() };
    if (this.kind === 'request') {
      [message.method, message.target, message.version] = startLine.split(' ');
    } else {
      const [version, status, ...reason] = startLine.split(' ');
      Object.assign(message, { version, status: Number(status), reason: reason.join(' ') });
    }
    this.message = message;
    this.#chooseFraming(message);
    this.callbacks.head?.(message);
    if (this.state === 'done') this.#end();
    return this.pending.length > 0;
  }

  #chooseFraming(message) {
    const te = headerOf(message.headers, 'transfer-encoding');
    const length = headerOf(message.headers, 'content-length');
    message.framing = 'none';
    if (this.kind === 'response' && message.status === 101) {
      this.state = 'opaque';
    } else if (this.kind === 'response' && (message.status < 200 || message.status === 204 || message.status === 304 || this.bodiless(message))) {
      this.state = 'done';
    } else if (te && /chunked/i.test(te)) {
      message.framing = 'chunked';
      this.state = 'chunk_size';
    } else if (length !== undefined) {
      message.framing = 'length';
      this.left = Number(length);
      this.state = this.left > 0 ? 'fixed' : 'done';
    } else if (this.kind === 'response') {
      message.framing = 'close';
      this.state = 'until_close';
    } else if (/^websocket$/i.test(headerOf(message.headers, 'upgrade') ?? '')) {
      this.state = 'opaque';
    } else {
      this.state = 'done';
    }
  }

  #data(bytes) {
    this.message.body.push(bytes);
    this.message.chunks.push({ at: Date.now(), size: bytes.length });
    this.callbacks.data?.(this.message, bytes);
  }

  #fixed() {
    if (!this.pending.length) return false;
    const piece = this.#take(Math.min(this.left, this.pending.length));
    this.left -= piece.length;
    this.#data(piece);
    if (this.left === 0) this.#end();
    return this.pending.length > 0;
  }

  #chunkSize() {
    const end = this.pending.indexOf('\r\n');
    if (end < 0) return false;
    const line = this.#take(end + 2).toString('latin1');
    this.left = parseInt(line, 16);
    if (!Number.isFinite(this.left)) {
      this.state = 'broken';
      this.callbacks.error?.(`bad chunk size ${JSON.stringify(line)}`, this.message);
      return false;
    }
    this.state = this.left === 0 ? 'trailers' : 'chunk_data';
    return true;
  }

  #chunkData() {
    if (!this.pending.length) return false;
    const piece = this.#take(Math.min(this.left, this.pending.length));
    this.left -= piece.length;
    this.#data(piece);
    if (this.left === 0) this.state = 'chunk_crlf';
    return true;
  }

  #chunkCrlf() {
    if (this.pending.length < 2) return false;
    this.#take(2);
    this.state = 'chunk_size';
    return true;
  }

  #trailers() {
    const end = this.pending.indexOf('\r\n');
    if (end < 0) return false;
    const line = this.#take(end + 2).toString('latin1').slice(0, -2);
    if (line === '') {
      this.#end();
      return this.pending.length > 0;
    }
    this.message.trailers.push(line);
    return true;
  }

  #rest() {
    if (!this.pending.length) return false;
    const piece = this.#take(this.pending.length);
    this.#data(piece);
    return false;
  }

  #end() {
    const message = this.message;
    message.complete = true;
    message.endedAt = Date.now();
    message.rawBody = Buffer.concat(message.rawBody);
    message.body = Buffer.concat(message.body);
    this.state = 'head';
    this.message = null;
    this.callbacks.end?.(message);
  }
}
