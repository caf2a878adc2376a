// The project's own small exchanges, one set for each dialect: a request, its JSON answer, its stream, the usage in the log.

const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const data = (value, eol = '\n') => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}${eol}${eol}`;

const WORDS = ['Grüße', ' aus', ' dem', ' Test', ' 🌍', '.'];

const anthropicUsage = { input_tokens: 21, cache_creation_input_tokens: 300, cache_read_input_tokens: 4000,
  cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 100 }, output_tokens: 37, service_tier: 'standard' };

export const anthropic = {
  name: 'anthropic',
  dialect: 'anthropic',
  provider: 'ant',
  model: 'claude-sonnet-4-5',
  target: () => '/v1/messages',
  headers: [['anthropic-version', '2023-06-01']],
  request: (stream, more = {}) => ({ model: 'claude-sonnet-4-5', max_tokens: 64, stream, messages: [{ role: 'user', content: 'hi' }], ...more }),
  json: JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [{ type: 'text', text: WORDS.join('') }],
    stop_reason: 'end_turn', stop_sequence: null, usage: anthropicUsage }),
  events: [
    event('message_start', { type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5',
      content: [], stop_reason: null, stop_sequence: null, usage: { ...anthropicUsage, output_tokens: 1 } } }),
    event('content_block_start', { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    event('ping', { type: 'ping' }),
    ...WORDS.map((text) => event('content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    event('content_block_stop', { type: 'content_block_stop', index: 0 }),
    event('message_delta', { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 37 } }),
    event('message_stop', { type: 'message_stop' }),
  ],
  firstSemantic: 1,
  end: 'message_stop',
  usage: { input: 21, cache_read: 4000, cache_write_5m: 200, cache_write_1h: 100, output: 37, reasoning: null },
  errorEvent: event('error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  error: JSON.stringify({ type: 'error', error: { type: 'rate_limit_error', message: 'Number of request tokens has exceeded…' }, request_id: 'req_011' }),
  errorMessage: (body) => (body.type === 'error' && typeof body.error?.type === 'string' ? body.error.message : undefined),
  keepalive: /event: ping\n|^:/m,
};

const chatUsage = { prompt_tokens: 150, completion_tokens: 60, total_tokens: 210, prompt_tokens_details: { cached_tokens: 128, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 25, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 } };
const chatChunk = (choices, more = {}) => data({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1760000000, model: 'gpt-5-mini', choices, ...more });

export const chat = {
  name: 'chat',
  dialect: 'openai-chat',
  provider: 'oai',
  model: 'gpt-5-mini',
  target: () => '/v1/chat/completions',
  headers: [],
  request: (stream, more = {}) => ({ model: 'gpt-5-mini', stream, ...(stream ? { stream_options: { include_usage: true } } : {}),
    messages: [{ role: 'user', content: 'hi' }], ...more }),
  json: JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', created: 1760000000, model: 'gpt-5-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: WORDS.join(''), refusal: null }, finish_reason: 'stop' }], usage: chatUsage }),
  events: [
    chatChunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }], { usage: null }),
    ...WORDS.map((content) => chatChunk([{ index: 0, delta: { content }, finish_reason: null }], { usage: null })),
    chatChunk([{ index: 0, delta: {}, finish_reason: 'stop' }], { usage: null }),
    chatChunk([], { usage: chatUsage }),
    data('[DONE]'),
  ],
  firstSemantic: 1,
  end: 'data: [DONE]',
  usage: { input: 22, cache_read: 128, output: 60, reasoning: 25 },
  errorEvent: data({ error: { message: 'The server had an error', type: 'server_error', param: null, code: null } }),
  error: JSON.stringify({ error: { message: 'Rate limit reached for gpt-5-mini', type: 'tokens', param: null, code: 'rate_limit_exceeded' } }, null, 4),
  errorMessage: (body) => (typeof body.error?.type === 'string' ? body.error.message : undefined),
  keepalive: /^:/m,
};

const responsesUsage = { input_tokens: 90, input_tokens_details: { cached_tokens: 64 }, output_tokens: 44, output_tokens_details: { reasoning_tokens: 12 }, total_tokens: 134 };
const response = (status, more = {}) => ({ id: 'resp_1', object: 'response', created_at: 1760000000, status, error: null, incomplete_details: null,
  model: 'gpt-5-mini', output: [], usage: null, ...more });
const message = { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text: WORDS.join(''), annotations: [] }] };
let number = 0;
const typed = (type, more) => event(type, { type, sequence_number: number++, ...more });

export const responses = {
  name: 'responses',
  dialect: 'openai-responses',
  provider: 'oai',
  model: 'gpt-5-mini',
  target: () => '/v1/responses',
  headers: [],
  request: (stream, more = {}) => ({ model: 'gpt-5-mini', stream, input: [{ role: 'user', content: [{ type: 'input_text', text: 'hi' }] }], store: false, ...more }),
  json: JSON.stringify(response('completed', { output: [message], usage: responsesUsage })),
  events: [
    typed('response.created', { response: response('in_progress') }),
    typed('response.in_progress', { response: response('in_progress') }),
    typed('response.output_item.added', { output_index: 0, item: { ...message, status: 'in_progress', content: [] } }),
    typed('response.content_part.added', { item_id: 'msg_1', output_index: 0, content_index: 0, part: { type: 'output_text', text: '', annotations: [] } }),
    ...WORDS.map((delta) => typed('response.output_text.delta', { item_id: 'msg_1', output_index: 0, content_index: 0, delta })),
    typed('response.output_text.done', { item_id: 'msg_1', output_index: 0, content_index: 0, text: WORDS.join('') }),
    typed('response.content_part.done', { item_id: 'msg_1', output_index: 0, content_index: 0, part: message.content[0] }),
    typed('response.output_item.done', { output_index: 0, item: message }),
    typed('response.completed', { response: response('completed', { output: [message], usage: responsesUsage }) }),
  ],
  firstSemantic: 2,
  end: 'event: response.completed',
  usage: { input: 26, cache_read: 64, output: 44, reasoning: 12 },
  errorEvent: event('error', { type: 'error', sequence_number: 1, error: { type: 'server_error', code: 'server_error', message: 'Something went wrong', param: null } }),
  error: JSON.stringify({ error: { message: 'Rate limit reached', type: 'requests', param: null, code: 'rate_limit_exceeded' } }),
  errorMessage: (body) => (typeof body.error?.type === 'string' ? body.error.message : undefined),
  keepalive: /^:|event: keepalive/m,
};

const geminiUsage = { promptTokenCount: 70, candidatesTokenCount: 18, totalTokenCount: 113, cachedContentTokenCount: 50, thoughtsTokenCount: 25,
  promptTokensDetails: [{ modality: 'TEXT', tokenCount: 70 }] };
const candidate = (text, more = {}) => ({ candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0, ...more }],
  usageMetadata: { promptTokenCount: 70, totalTokenCount: 70, cachedContentTokenCount: 50 }, modelVersion: 'gemini-2.5-flash', responseId: 'r1' });
const geminiParts = [...WORDS.map((text) => candidate(text)), { ...candidate('', { finishReason: 'STOP' }), usageMetadata: geminiUsage }];

export const gemini = {
  name: 'gemini',
  dialect: 'gemini',
  provider: 'gem',
  model: 'gemini-2.5-flash',
  target: (stream) => (stream ? '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse' : '/v1beta/models/gemini-2.5-flash:generateContent'),
  headers: [],
  request: (_stream, more = {}) => ({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }], ...more }),
  json: JSON.stringify({ candidates: [{ content: { parts: [{ text: WORDS.join('') }], role: 'model' }, finishReason: 'STOP', index: 0 }],
    usageMetadata: geminiUsage, modelVersion: 'gemini-2.5-flash', responseId: 'r1' }, null, 2),
  events: geminiParts.map((part) => data(part, '\r\n')),
  array: `[${geminiParts.map((part) => JSON.stringify(part, null, 2)).join('\n,\r\n')}\n]`,
  firstSemantic: 0,
  end: '"finishReason":"STOP"',
  usage: { input: 20, cache_read: 50, output: 43, reasoning: 25 },
  errorEvent: data({ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }, '\r\n'),
  error: JSON.stringify({ error: { code: 429, message: 'Resource has been exhausted', status: 'RESOURCE_EXHAUSTED' } }, null, 2),
  errorMessage: (body) => (Number.isInteger(body.error?.code) && typeof body.error.status === 'string' ? body.error.message : undefined),
  keepalive: /^(\r\n)+|^:/,
};

export const DIALECTS = [anthropic, chat, responses, gemini];

export const streamOf = (dialect) => dialect.events.join('');

/// Differences between a log row's usage and what is expected; empty = the same.
export function usageMismatch(got, want) {
  const wrong = {};
  for (const [name, value] of Object.entries(want)) if (got?.[name] !== value) wrong[name] = { got: got?.[name], want: value };
  return wrong;
}
