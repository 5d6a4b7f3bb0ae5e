/** Whether an attempt is repeated: every combination against the rules, said in another way than the code says them. */
import t from 'tap';
import { backoffMs, decideRetry, type RetryQuestion } from '../../../src/forward/retry.ts';

const KINDS: readonly RetryQuestion['failure']['kind'][] = [
  'connect_error',
  'reset',
  'timeout',
  'bad_answer',
  'shortage',
  'full',
  'status',
];
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'QUERY', 'POST', 'PATCH', 'LOCK', 'get'];
const SAFE_TO_REPEAT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'QUERY']);
const BOTH = [false, true];
const POLICIES = (['never', 'with_key', 'always'] as const).flatMap((nonIdempotent) =>
  BOTH.flatMap((hasKey) => BOTH.map((isWanted) => [nonIdempotent, hasKey, isWanted] as const)),
);

function* questions(): Generator<RetryQuestion> {
  for (const kind of KINDS)
    for (const wasSent of BOTH)
      for (const hadAnswer of BOTH)
        for (const wasReused of BOTH)
          for (const method of METHODS)
            for (const isBodyAtHand of BOTH)
              for (const isAnswerStarted of BOTH)
                for (const attempts of [1, 2, 3, 4])
                  for (const [nonIdempotent, hasKey, isWanted] of POLICIES)
                    for (const [hasRetriedStale, hasBudget] of [
                      [false, true],
                      [true, true],
                      [false, false],
                      [true, false],
                    ] as const)
                      yield {
                        failure: { kind, wasSent, hadAnswer, wasReused },
                        method,
                        nonIdempotent,
                        hasKey,
                        isWanted,
                        isBodyAtHand,
                        isAnswerStarted,
                        attempts,
                        maxAttempts: 3,
                        fullServers: 0,
                        hasRetriedStale,
                        hasBudget,
                      };
}

t.test('all combinations (B40, B41)', async (t) => {
  let count = 0;
  const kinds: Record<string, number> = {};
  for (const question of questions()) {
    const { failure, method } = question;
    const decision = decideRetry(question);
    const said = () => JSON.stringify({ question, decision });
    count++;
    kinds[`${decision.kind} ${decision.why}`] = (kinds[`${decision.kind} ${decision.why}`] ?? 0) + 1;
    const isRepeated = decision.kind !== 'give_up';
    const mayBeTwice =
      SAFE_TO_REPEAT.has(method) ||
      { never: false, with_key: question.hasKey, always: true }[question.nonIdempotent];
    // What must never happen.
    if (isRepeated && question.isAnswerStarted) t.fail(`after the client saw a byte: ${said()}`);
    if (isRepeated && !question.isBodyAtHand) t.fail(`without its body: ${said()}`);
    if (isRepeated && failure.wasSent && !mayBeTwice) t.fail(`twice: ${said()}`);
    // Who was turned away has not been tried.
    const isChoice = failure.kind === 'full' && !failure.wasSent;
    if (decision.kind === 'other_server' && !isChoice) {
      if (!question.isWanted) t.fail(`not wanted: ${said()}`);
      if (question.attempts >= 3) t.fail(`too often: ${said()}`);
    }
    if (decision.kind === 'other_server' && failure.wasSent && !question.hasBudget)
      t.fail(`beyond the budget: ${said()}`);
    if (
      decision.kind === 'same_server' &&
      (question.hasRetriedStale || !failure.wasReused || failure.hadAnswer)
    )
      t.fail(`stale without a sign of it: ${said()}`);
    // What must not be given up.
    const couldBe =
      !question.isAnswerStarted &&
      question.isBodyAtHand &&
      (!failure.wasSent || (mayBeTwice && question.hasBudget)) &&
      (question.isWanted || isChoice) &&
      failure.kind !== 'shortage';
    if (couldBe && (question.attempts < 3 || isChoice) && !isRepeated) t.fail(`given up: ${said()}`);
  }
  t.equal(count, 7 * 2 * 2 * 2 * 10 * 2 * 2 * 4 * 12 * 4);
  t.same(Object.keys(kinds).sort(), [
    'give_up answer_started',
    'give_up attempts_used',
    'give_up body_gone',
    'give_up budget_used',
    'give_up not_idempotent',
    'give_up not_wanted',
    'give_up shortage',
    'other_server idempotent',
    'other_server not_sent',
    'same_server stale_connection',
  ]);
});

t.test('the reason that is told', async (t) => {
  const base: RetryQuestion = {
    failure: { kind: 'reset', wasSent: true, hadAnswer: false, wasReused: false },
    method: 'GET',
    hasKey: false,
    nonIdempotent: 'never',
    isWanted: true,
    isBodyAtHand: true,
    isAnswerStarted: false,
    attempts: 1,
    maxAttempts: 3,
    fullServers: 0,
    hasRetriedStale: false,
    hasBudget: true,
  };
  const failure = (more: Partial<RetryQuestion['failure']>) => ({ ...base.failure, ...more });
  const table: [string, Partial<RetryQuestion>, string][] = [
    ['a reset', {}, 'other_server idempotent'],
    [
      'a refused connection',
      { failure: failure({ kind: 'connect_error', wasSent: false }) },
      'other_server not_sent',
    ],
    [
      'a refused POST',
      { method: 'POST', failure: failure({ kind: 'connect_error', wasSent: false }) },
      'other_server not_sent',
    ],
    [
      'a server that takes nothing for now, as nine before it',
      { failure: failure({ kind: 'full', wasSent: false }), attempts: 0, fullServers: 9 },
      'other_server not_sent',
    ],
    [
      'one more of them',
      { failure: failure({ kind: 'full', wasSent: false }), attempts: 0, fullServers: 10 },
      'give_up attempts_used',
    ],
    ['a POST that was sent', { method: 'POST' }, 'give_up not_idempotent'],
    ['a POST with a key', { method: 'POST', hasKey: true }, 'give_up not_idempotent'],
    [
      'a POST with a key, where that counts',
      { method: 'POST', hasKey: true, nonIdempotent: 'with_key' },
      'other_server idempotent',
    ],
    [
      'a POST without one, where that counts',
      { method: 'POST', nonIdempotent: 'with_key' },
      'give_up not_idempotent',
    ],
    ['a POST that may be done twice', { method: 'POST', nonIdempotent: 'always' }, 'other_server idempotent'],
    ['a failure that is not to be repeated', { isWanted: false }, 'give_up not_wanted'],
    [
      'a stale connection is no failure of its server',
      { failure: failure({ wasReused: true }), isWanted: false },
      'same_server stale_connection',
    ],
    ['a stale connection', { failure: failure({ wasReused: true }) }, 'same_server stale_connection'],
    [
      'a stale connection at the last attempt',
      { failure: failure({ wasReused: true }), attempts: 3 },
      'same_server stale_connection',
    ],
    [
      'stale twice',
      { failure: failure({ wasReused: true }), hasRetriedStale: true },
      'other_server idempotent',
    ],
    [
      'a timeout on a kept connection',
      { failure: failure({ kind: 'timeout', wasReused: true }) },
      'other_server idempotent',
    ],
    [
      'half a head on a kept connection',
      { failure: failure({ wasReused: true, hadAnswer: true }) },
      'other_server idempotent',
    ],
    ['nonsense', { failure: failure({ kind: 'bad_answer' }) }, 'other_server idempotent'],
    [
      'nonsense to a POST',
      { method: 'POST', failure: failure({ kind: 'bad_answer' }) },
      'give_up not_idempotent',
    ],
    [
      'an answer that the pool does not want',
      { failure: failure({ kind: 'status', hadAnswer: true }) },
      'other_server idempotent',
    ],
    ['no budget', { hasBudget: false }, 'give_up budget_used'],
    [
      'no budget, but nothing was sent',
      { hasBudget: false, failure: failure({ kind: 'connect_error', wasSent: false }) },
      'other_server not_sent',
    ],
    [
      'no budget, but a stale connection',
      { hasBudget: false, failure: failure({ wasReused: true }) },
      'same_server stale_connection',
    ],
    ['the last attempt', { attempts: 3 }, 'give_up attempts_used'],
    ['retry: 1', { maxAttempts: 1 }, 'give_up attempts_used'],
    ['a body that is gone', { isBodyAtHand: false }, 'give_up body_gone'],
    ['an answer that has begun', { isAnswerStarted: true }, 'give_up answer_started'],
  ];
  for (const [name, more, expected] of table) {
    const { kind, why } = decideRetry({ ...base, ...more });
    t.equal(`${kind} ${why}`, expected, name);
  }
});

t.test('repeats wait: the first not, then by chance, twice as long at most, up to the bound', async (t) => {
  const backoff = { baseMs: 20, maxMs: 100 };
  const waits = (chance: number) => [0, 1, 2, 3, 4, 50].map((repeats) => backoffMs(repeats, backoff, chance));
  t.same(waits(1), [0, 20, 40, 80, 100, 100]);
  t.same(waits(0.5), [0, 10, 20, 40, 50, 50]);
  t.same(waits(0), [0, 0, 0, 0, 0, 0]);
});
