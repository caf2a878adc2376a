export { startUpstream, closedPort, json, sse, play, headOf, chunk } from './upstream.mjs';
export { headerOf, headersOf, parseHead, MessageReader } from './http_reader.mjs';
export * as transcripts from './transcripts.mjs';
export { DIALECTS, streamOf, usageMismatch, anthropic, chat, responses, gemini } from './transcripts.mjs';
export { OP, frame, closeFrame, FrameReader, websocketReply, acceptFor } from './websocket.mjs';
export { recordings, load, replayOf, requestFor, expectedUsage, usageDifferences, wireFolder } from './recordings.mjs';
