// A vendor that plays an agent's turn: a shell tool call first, text once its result is there; or text at once.
import { json, sse } from '../../upstream/index.mjs';

// The output is not in the command, so that seeing it means that the command ran. No shell substitution: clients refuse it.
export const TOOL_COMMAND = 'printf ROUNDTRIP-%d 42';
export const TOOL_OUTPUT = 'ROUNDTRIP-42';
export const FINISHED = 'ALL-FINISHED-HERE';

const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

export const USAGE = { input: 1234, cache_read: 500, output: 77 };

const anthropicUsage = { input_tokens: USAGE.input, cache_creation_input_tokens: 0, cache_read_input_tokens: USAGE.cache_read, output_tokens: USAGE.output };

function anthropicEvents(content, stop) {
  const out = [event('message_start', { type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [],
    stop_reason: null, stop_sequence: null, usage: { ...anthropicUsage, output_tokens: 1 } } })];
  content.forEach((block, index) => {
    const tool = block.type === 'tool_use';
    out.push(event('content_block_start', { type: 'content_block_start', index, content_block: tool ? { ...block, input: {} } : { type: 'text', text: '' } }));
    const delta = tool ? { type: 'input_json_delta', partial_json: JSON.stringify(block.input) } : { type: 'text_delta', text: block.text };
    out.push(event('content_block_delta', { type: 'content_block_delta', index, delta }));
    out.push(event('content_block_stop', { type: 'content_block_stop', index }));
  });
  out.push(event('message_delta', { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: USAGE.output } }));
  out.push(event('message_stop', { type: 'message_stop' }));
  return out;
}

export function anthropicTurn(tool) {
  return (request) => {
    const body = JSON.parse(request.body);
    if (request.target.includes('count_tokens')) return json({ input_tokens: 10 });
    const call = tool && body.tools?.some((one) => one.name === tool.name) && !request.body.includes(TOOL_OUTPUT);
    const content = call ? [{ type: 'tool_use', id: 'toolu_1', name: tool.name, input: tool.input }] : [{ type: 'text', text: FINISHED }];
    const stop = call ? 'tool_use' : 'end_turn';
    if (!body.stream) {
      return json({ id: 'msg_1', type: 'message', role: 'assistant', model: body.model, content, stop_reason: stop, stop_sequence: null, usage: anthropicUsage });
    }
    return sse('', { pieces: anthropicEvents(content, stop) });
  };
}

const responsesUsage = { input_tokens: USAGE.input + USAGE.cache_read, input_tokens_details: { cached_tokens: USAGE.cache_read }, output_tokens: USAGE.output,
  output_tokens_details: { reasoning_tokens: 0 }, total_tokens: USAGE.input + USAGE.cache_read + USAGE.output };

export function responsesEvents(item) {
  const response = { id: 'resp_1', object: 'response', created_at: 1760000000, status: 'in_progress', model: 'gpt-5.5', output: [], usage: null, error: null };
  const out = [event('response.created', { type: 'response.created', response }),
    event('response.output_item.added', { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', ...(item.type === 'message' ? { content: [] } : { arguments: '' }) } })];
  if (item.type === 'message') {
    const at = { item_id: item.id, output_index: 0, content_index: 0 };
    out.push(event('response.content_part.added', { type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } }));
    out.push(event('response.output_text.delta', { type: 'response.output_text.delta', ...at, delta: item.content[0].text }));
    out.push(event('response.output_text.done', { type: 'response.output_text.done', ...at, text: item.content[0].text }));
    out.push(event('response.content_part.done', { type: 'response.content_part.done', ...at, part: item.content[0] }));
  } else {
    out.push(event('response.function_call_arguments.delta', { type: 'response.function_call_arguments.delta', item_id: item.id, output_index: 0, delta: item.arguments }));
    out.push(event('response.function_call_arguments.done', { type: 'response.function_call_arguments.done', item_id: item.id, output_index: 0, arguments: item.arguments }));
  }
  out.push(event('response.output_item.done', { type: 'response.output_item.done', output_index: 0, item }));
  out.push(event('response.completed', { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage: responsesUsage } }));
  return out;
}

export function responsesTurn(tool) {
  return (request) => {
    const call = tool && request.body.includes(`"${tool.name}"`) && !request.body.includes(TOOL_OUTPUT);
    const item = call
      ? { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: tool.name, arguments: JSON.stringify(tool.input), status: 'completed' }
      : { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: FINISHED, annotations: [] }] };
    return sse('', { pieces: responsesEvents(item) });
  };
}

const geminiUsage = { promptTokenCount: USAGE.input + USAGE.cache_read, cachedContentTokenCount: USAGE.cache_read, candidatesTokenCount: USAGE.output,
  totalTokenCount: USAGE.input + USAGE.cache_read + USAGE.output };

export function geminiTurn(tool) {
  return (request) => {
    if (request.target.includes(':countTokens')) return json({ totalTokens: 10 });
    const call = tool && request.body.includes(`"${tool.name}"`) && !request.body.includes(TOOL_OUTPUT);
    const part = call ? { functionCall: { name: tool.name, args: tool.input }, thoughtSignature: 'c2lnbmF0dXJl' } : { text: FINISHED };
    const answer = { candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }], usageMetadata: geminiUsage, modelVersion: 'gemini-2.5-pro', responseId: 'r1' };
    if (!request.target.includes(':streamGenerateContent')) return json(answer);
    return sse(`data: ${JSON.stringify(answer)}\r\n\r\n`);
  };
}

const ERRORS = {
  anthropic: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
  'openai-responses': { error: { message: 'The server is overloaded', type: 'server_error', param: null, code: 'server_error' } },
  gemini: { error: { code: 503, message: 'The model is overloaded. Please try again later.', status: 'UNAVAILABLE' } },
};

/// The vendor's own "overloaded", with `retry-after` where it sends one.
export const overloaded = (dialect) => json(ERRORS[dialect], { status: { anthropic: 529, gemini: 503 }[dialect] ?? 500, headers: [['retry-after', '1']] });

/// The beginning of a turn's stream, then a reset.
export const cutStream = (reply) => (request) => {
  const whole = reply(request);
  return { ...whole, pieces: [whole.pieces.slice(0, -3).join(''), 30], lastChunk: false, end: 'reset' };
};
