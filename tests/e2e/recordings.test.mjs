// Every recorded vendor exchange through the gateway: status, body, and the usage in the log. Skipped without the folder.
import test from 'node:test';
import assert from 'node:assert/strict';
import { expectedUsage, load, recordings, requestFor, replayOf, usageDifferences, wireFolder } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { header, post } from './lib/raw.mjs';

const folder = wireFolder();
const cases = recordings();

if (!folder) {
  test('recordings', { skip: 'no folder of recordings (LURUS_WIRE)' }, () => {});
} else {
  // Every provider answers for every name; all of them are the one upstream.
  const context = gateway({ provider: { models: ['*'] } });
  for (const { name, folder: where, id } of cases) {
    test(name, async () => {
      const { up, lurus } = context;
      const one = load(where, id);
      const request = requestFor(one);
      up.always(replayOf(where, id, { split: 1500 }));
      const answer = await post(lurus, one.target, request);
      assert.equal(answer.status, one.status, answer.body.toString().slice(0, 300));
      assert.deepEqual(up.last.body, request, 'the request was changed');
      const whole = answer.body.subarray(0, one.body.length).equals(one.body);
      assert.ok(whole, 'the body was changed');
      const row = await lurus.row(answer.trace);
      const cut = /truncated|midstream|midway|error-stream|stream-tool-use-failed-error/.test(id);
      if (answer.body.length > one.body.length) assert.ok(cut || one.meta.response.stream, `something was added: ${answer.body.subarray(one.body.length)}`);
      if (one.status >= 400) {
        assert.equal(row.end, 'error');
        assert.equal(answer.body.length, one.body.length);
        for (const [key, value] of one.headers.filter(([key]) => /^(retry-after|request-id|x-request-id)$/i.test(key))) assert.equal(header(answer, key), value);
      } else if (!cut) {
        assert.equal(answer.body.length, one.body.length, `something was added: ${answer.body.subarray(one.body.length)}`);
        assert.equal(row.end, 'complete');
      } else {
        assert.notEqual(row.end, 'complete');
      }
      const wanted = expectedUsage(one);
      // Of an answer that broke off the output is estimated by what came.
      if (wanted && row.usage.estimated) {
        assert.ok(cut && row.usage.output >= (wanted.output ?? 0), JSON.stringify(row.usage));
        wanted.output = row.usage.output;
      }
      if (wanted) assert.deepEqual(usageDifferences(row.usage, wanted), [], `usage_raw ${JSON.stringify(row.usage_raw)}`);
    });
  }
}
