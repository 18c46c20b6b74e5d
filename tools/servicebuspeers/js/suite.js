// Tests of @azure/service-bus against the brokers that ../suite.sh starts, every test with queues
// of its own (../Config.json). Prints a line per test; arguments name the tests to run.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const { ServiceBusClient, ServiceBusAdministrationClient, parseServiceBusConnectionString } = require("@azure/service-bus");

const limit = 20_000; // ms that a test may take
const connection = process.env.SERVICEBUS;
const options = { retryOptions: { maxRetries: 1, retryDelayInMs: 50, timeoutInMs: 5_000 } };
let client; // a new one for every test

/** Waits until a condition holds, asking again as soon as the last answer is there. */
async function until(what, condition) {
  const end = Date.now() + limit / 2;
  for (;;) {
    const got = await condition();
    if (got) return got;
    assert(Date.now() < end, `never came: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Receives exactly n messages. */
async function receive(receiver, n = 1) {
  const got = [];
  await until(`${n} messages`, async () => {
    got.push(...(await receiver.receiveMessages(n - got.length, { maxWaitTimeInMs: 2_000 })));
    return got.length === n;
  });
  return got;
}

const one = async (receiver) => (await receive(receiver))[0];
const send = (queue, ...messages) => client.createSender(queue).sendMessages(messages);
const peekAll = (receiver) => receiver.peekMessages(100, { fromSequenceNumber: receiver.first ?? zero() });
const zero = () => require("long").fromNumber(1);
const bodies = (messages) => messages.map((m) => m.body);
const left = async (queue, o) => bodies(await peekAll(client.createReceiver(queue, o)));
const dead = (queue) => client.createReceiver(queue, { subQueueType: "deadLetter" });

/** Asserts that a promise fails with a code of ServiceBusError, at every attempt. */
const fails = (promise, code) => assert.rejects(promise, (err) => {
  for (const e of err.errors ?? [err]) assert.equal(e.code, code, `code ${e.code} (${e.message}), want ${code}`);
  return true;
});

const tests = {
  async "send"(q) {
    const before = Date.now();
    const sender = client.createSender(q);
    await sender.sendMessages({ body: "a" });
    await sender.sendMessages([{ body: { b: [1, "two"] } }, { body: Buffer.from("c") }]);
    const got = await receive(client.createReceiver(q), 3);
    assert.deepEqual(bodies(got).map((b) => (Buffer.isBuffer(b) ? b.toString() : b)), ["a", { b: [1, "two"] }, "c"]);
    assert.deepEqual(got.map((m) => m.sequenceNumber.toNumber()), [1, 2, 3]);
    assert(Math.abs(got[0].enqueuedTimeUtc - before) < 60_000, `enqueued at ${got[0].enqueuedTimeUtc}`);
    assert.equal(got[0].deliveryCount, 0);
  },

  async "batch"(q) {
    const sender = client.createSender(q);
    const batch = await sender.createMessageBatch();
    assert.equal(batch.maxSizeInBytes, 256 * 1024);
    let n = 0;
    while (batch.tryAddMessage({ body: "x".repeat(1000), messageId: `m${n}` })) n++;
    assert(n > 200 && n < 262, `${n} messages of 1,000 bytes in a batch`);
    await sender.sendMessages(batch);
    const got = await receive(client.createReceiver(q, { receiveMode: "receiveAndDelete" }), n);
    assert.deepEqual(got.map((m) => m.messageId), Array.from({ length: n }, (_, i) => `m${i}`));
  },

  async "too-big"(q) {
    await fails(send(q, { body: "x".repeat(300_000) }), "MessageSizeExceeded");
    await send(q, { body: "small" });
    assert.deepEqual(await left(q), ["small"]);
  },

  async "schedule"(q) {
    const at = new Date(Date.now() + 1_000);
    const [seq] = await client.createSender(q).scheduleMessages({ body: "later" }, at);
    const receiver = client.createReceiver(q);
    const [waiting] = await peekAll(receiver);
    assert.equal(waiting.state, "scheduled");
    assert(waiting.sequenceNumber.equals(seq), `sequence number ${waiting.sequenceNumber}, said ${seq}`);
    const m = await one(receiver);
    assert.equal(m.body, "later");
    assert(m.enqueuedTimeUtc >= at, `enqueued at ${m.enqueuedTimeUtc.toISOString()}, due at ${at.toISOString()}`);
  },

  async "schedule-cancel"(q) {
    const sender = client.createSender(q);
    const seqs = await sender.scheduleMessages([{ body: "no" }, { body: "yes" }], new Date(Date.now() + 3_600_000));
    await sender.cancelScheduledMessages(seqs[0]);
    assert.deepEqual(await left(q), ["yes"]);
    await fails(sender.cancelScheduledMessages(seqs[0]), "MessageNotFound");
  },

  async "peek"(q) {
    await send(q, ...["a", "b", "c", "d", "e"].map((body) => ({ body })));
    const receiver = client.createReceiver(q);
    assert.deepEqual(bodies(await receiver.peekMessages(2)), ["a", "b"]);
    assert.deepEqual(bodies(await receiver.peekMessages(2)), ["c", "d"]);
    assert.deepEqual(bodies(await receiver.peekMessages(9, { fromSequenceNumber: zero().add(3) })), ["d", "e"]);
    assert.deepEqual(bodies(await receive(receiver, 5)), ["a", "b", "c", "d", "e"]);
  },

  async "peek-from-first"(q) {
    await send(q, { body: "a" }, { body: "b" });
    const receiver = client.createReceiver(q);
    await one(receiver);
    assert.deepEqual(bodies(await receiver.peekMessages(5)), ["a", "b"]);
  },

  async "complete"(q) {
    await send(q, { body: "a" }, { body: "b" });
    const receiver = client.createReceiver(q);
    await receiver.completeMessage(await one(receiver));
    assert.deepEqual(await left(q), ["b"]);
  },

  async "renew"(q) {
    await send(q, { body: "a" });
    const receiver = client.createReceiver(q);
    const m = await one(receiver);
    const before = m.lockedUntilUtc;
    const renewed = await until("a later end of the lock", async () => {
      const end = await receiver.renewMessageLock(m);
      return end > before && end;
    });
    assert(renewed > Date.now() + 50_000, `locked until ${renewed}`);
    await receiver.completeMessage(m);
    assert.deepEqual(await left(q), []);
  },

  async "lock-lost"(q) {
    await send(q, { body: "a" });
    const first = client.createReceiver(q, { maxAutoLockRenewalDurationInMs: 0 });
    const lost = await one(first);
    const second = client.createReceiver(q, { maxAutoLockRenewalDurationInMs: 0 });
    const again = await one(second);
    assert.equal(again.deliveryCount, 1);
    await fails(first.completeMessage(lost), "MessageLockLost");
    await second.completeMessage(again);
    assert.deepEqual(await left(q), []);
  },

  async "abandon"(q) {
    await send(q, { body: "a", applicationProperties: { kept: 1, tried: 0 } });
    const receiver = client.createReceiver(q);
    await receiver.abandonMessage(await one(receiver), { tried: 1, why: "busy" });
    const m = await one(receiver);
    assert.equal(m.deliveryCount, 1);
    assert.deepEqual(m.applicationProperties, { kept: 1, tried: 1, why: "busy" });
  },

  async "dead-letter"(q) {
    await send(q, { body: "a" });
    const receiver = client.createReceiver(q);
    await receiver.deadLetterMessage(await one(receiver), { deadLetterReason: "bad", deadLetterErrorDescription: "no such SKU", sku: "A1" });
    assert.deepEqual(await left(q), []);
    const m = await one(dead(q));
    assert.deepEqual([m.body, m.deadLetterReason, m.deadLetterErrorDescription, m.applicationProperties.sku], ["a", "bad", "no such SKU", "A1"]);
    await dead(q).completeMessage(m).catch(() => {}); // another receiver's message: settled through management or not at all
    const last = dead(q);
    assert((await left(q, { subQueueType: "deadLetter" })).length <= 1);
    await last.close();
  },

  async "max-deliveries"(q) {
    await send(q, { body: "a" });
    const receiver = client.createReceiver(q);
    for (const n of [0, 1]) {
      const m = await one(receiver);
      assert.equal(m.deliveryCount, n);
      await receiver.abandonMessage(m);
    }
    assert.equal((await one(dead(q))).deadLetterReason, "MaxDeliveryCountExceeded");
  },

  async "expiry"(q) {
    await send(q, { body: "a", timeToLive: 100 });
    assert.equal((await one(dead(q))).deadLetterReason, "TTLExpiredException");
  },

  async "duplicates"(q) {
    await send(q, { body: "a", messageId: "1" });
    await send(q, { body: "b", messageId: "1" });
    await send(q, { body: "c", messageId: "2" });
    assert.deepEqual(await left(q), ["a", "c"]);
  },

  async "forward"(q) {
    await send(q, { body: "a" });
    assert.equal((await one(client.createReceiver("forward-to"))).body, "a");
  },

  async "defer"(q) {
    await send(q, { body: "a" }, { body: "b" });
    const receiver = client.createReceiver(q);
    const m = await one(receiver);
    await receiver.deferMessage(m, { step: 2 });
    assert.equal((await one(receiver)).body, "b");
    const [back] = await receiver.receiveDeferredMessages(m.sequenceNumber);
    assert.deepEqual([back.body, back.state, back.applicationProperties.step], ["a", "deferred", 2]);
    await receiver.completeMessage(back);
    assert.deepEqual(await left(q), ["b"]);
    await fails(receiver.receiveDeferredMessages(m.sequenceNumber), "MessageNotFound");
  },

  async "receive-and-delete"(q) {
    await send(q, { body: "a" }, { body: "b" });
    await one(client.createReceiver(q, { receiveMode: "receiveAndDelete" }));
    const rest = await until("the second message alone", async () => {
      const got = await left(q);
      return got.length < 2 && got;
    });
    assert.deepEqual(rest, ["b"]);
  },

  async "session-by-id"(q) {
    await send(q, { body: "a", sessionId: "1" }, { body: "b", sessionId: "2" }, { body: "c", sessionId: "1" });
    const session = await client.acceptSession(q, "1");
    assert.equal(session.sessionId, "1");
    const got = await receive(session, 2);
    assert.deepEqual(bodies(got), ["a", "c"]);
    for (const m of got) await session.completeMessage(m);
    assert.deepEqual(await left(q), ["b"]);
  },

  async "session-next"(q) {
    await send(q, { body: "a", sessionId: "x" }, { body: "b", sessionId: "y" });
    const both = [await client.acceptNextSession(q), await client.acceptNextSession(q)];
    assert.deepEqual(both.map((s) => s.sessionId).sort(), ["x", "y"]);
    for (const s of both) assert.equal((await one(s)).body, s.sessionId === "x" ? "a" : "b");
  },

  async "session-state"(q) {
    await send(q, { body: "a", sessionId: "1" });
    const session = await client.acceptSession(q, "1");
    assert.equal((await session.getSessionState()) ?? null, null);
    await session.setSessionState(Buffer.from("step 2"));
    assert.equal((await session.getSessionState()).toString(), "step 2");
    await session.close();
    const again = await client.acceptSession(q, "1");
    assert.equal((await again.getSessionState()).toString(), "step 2");
    await again.setSessionState(null);
    assert.equal((await again.getSessionState()) ?? null, null);
  },

  async "session-renew"(q) {
    await send(q, { body: "a", sessionId: "1" });
    const session = await client.acceptSession(q, "1");
    const before = session.sessionLockedUntilUtc;
    await until("a later end of the lock", async () => (await session.renewSessionLock()) > before);
    assert(session.sessionLockedUntilUtc > before);
  },

  async "session-taken"(q) {
    await send(q, { body: "a", sessionId: "1" });
    const session = await client.acceptSession(q, "1");
    await fails(client.acceptSession(q, "1"), "SessionCannotBeLocked");
    await session.close();
    await (await client.acceptSession(q, "1")).close();
  },

  async "session-peek"(q) {
    await send(q, { body: "a", sessionId: "1" }, { body: "b", sessionId: "2" }, { body: "c", sessionId: "1" });
    const session = await client.acceptSession(q, "1");
    assert.deepEqual(bodies(await session.peekMessages(5)), ["a", "c"]);
  },

  async "session-defer"(q) {
    await send(q, { body: "a", sessionId: "1" });
    const session = await client.acceptSession(q, "1");
    const m = await one(session);
    await session.deferMessage(m);
    const [back] = await session.receiveDeferredMessages(m.sequenceNumber);
    assert.equal(back.body, "a");
    await session.deadLetterMessage(back, { deadLetterReason: "late" });
    assert.equal((await one(dead(q))).deadLetterReason, "late");
  },

  async "processor"(q) {
    await send(q, ...Array.from({ length: 12 }, (_, i) => ({ body: i })));
    let running = 0, most = 0, open;
    const four = new Promise((resolve) => { open = resolve; });
    const seen = new Set(), errors = [];
    const receiver = client.createReceiver(q);
    const sub = receiver.subscribe({
      async processMessage(m) {
        most = Math.max(most, ++running);
        if (running === 4) open();
        await four;
        seen.add(m.body);
        running--;
      },
      async processError(args) { errors.push(args.error); },
    }, { maxConcurrentCalls: 4 });
    await until("an empty queue", async () => (await left(q)).length === 0);
    await sub.close();
    assert.deepEqual([seen.size, most, errors], [12, 4, []]);
  },

  async "processor-throws"(q) {
    await send(q, { body: "a" });
    const counts = [], errors = [];
    const sub = client.createReceiver(q).subscribe({
      async processMessage(m) {
        counts.push(m.deliveryCount);
        if (counts.length < 3) throw new Error("not yet");
      },
      async processError(args) { errors.push(args.error.message); },
    });
    await until("an empty queue", async () => (await left(q)).length === 0);
    await sub.close();
    assert.deepEqual([counts, errors], [[0, 1, 2], ["not yet", "not yet"]]);
  },

  async "filters"(topic) {
    await send(topic,
      { body: 1, subject: "eu", applicationProperties: { tier: "gold", price: 5 } },
      { body: 2, subject: "east", applicationProperties: { tier: "gold", price: 11.5 } },
      { body: 3, subject: "us", applicationProperties: { price: 50 } });
    const got = {};
    for (const sub of ["all", "correlation", "sql"]) got[sub] = await peekAll(client.createReceiver(topic, sub));
    assert.deepEqual(Object.values(got).map(bodies), [[1, 2, 3], [1], [2]]);
    assert.equal(got.sql[0].applicationProperties.dear, true);
    const receiver = client.createReceiver(topic, "sql");
    await receiver.completeMessage(await one(receiver));
    assert.deepEqual([(await peekAll(receiver)).length, (await peekAll(client.createReceiver(topic, "all"))).length], [0, 3]);
  },

  async "rules"(topic) {
    const rules = client.createRuleManager(topic, "some");
    await rules.createRule("cheap", { sqlExpression: "price < 10" }, { sqlExpression: "SET cheap = TRUE" });
    await rules.createRule("blue", { subject: "s", applicationProperties: { color: "blue" } });
    await rules.deleteRule("$Default");
    const list = [];
    for await (const rule of rules.listRules()) list.push(rule);
    list.sort((a, b) => a.name.localeCompare(b.name));
    assert.deepEqual(list.map((r) => r.name), ["blue", "cheap"]);
    assert.equal(list[0].filter.applicationProperties.color, "blue");
    assert.equal(list[1].action.sqlExpression, "SET cheap = TRUE");
    await send(topic,
      { body: 1, applicationProperties: { price: 3 } },
      { body: 2, applicationProperties: { price: 30 } },
      { body: 3, subject: "s", applicationProperties: { color: "blue" } });
    const got = await peekAll(client.createReceiver(topic, "some"));
    assert.deepEqual(bodies(got), [1, 3]);
    assert.equal(got[0].applicationProperties.cheap, true);
    await assert.rejects(rules.createRule("blue", {}));
  },

  async "properties"(q) {
    const sent = {
      body: "a", messageId: "id-1", correlationId: "c-1", subject: "s", to: "t", replyTo: "r", contentType: "application/json",
      sessionId: "s-1", replyToSessionId: "rs-1", timeToLive: 3_600_000, partitionKey: "s-1",
    };
    const properties = {
      text: "Straße ☃", empty: "", int: 42, negative: -7, large: 2 ** 40, float: 1.5, yes: true, no: false, nothing: null,
      when: new Date("2026-03-29T01:30:00.123Z"),
    };
    await send(q, { ...sent, applicationProperties: properties });
    const m = await one(client.createReceiver(q));
    assert.deepEqual(Object.fromEntries(Object.keys(sent).map((k) => [k, m[k]])), sent);
    assert.deepEqual(m.applicationProperties, { ...properties, when: properties.when.getTime() }); // the client sends times as numbers
    assert.equal(m.expiresAtUtc - m.enqueuedTimeUtc, 3_600_000);
  },

  async "bodies"(q) {
    const messages = [
      { bodyType: "data", body: Buffer.from([0, 255, 1]) },
      { bodyType: "value", body: "text" },
      { bodyType: "value", body: 12345 },
      { bodyType: "value", body: { a: 1, b: "two" } },
      { bodyType: "sequence", body: [1, "two", true] },
    ];
    await send(q, ...messages.map((m, i) => ({ ...m, messageAnnotations: { "x-opt-test": i }, deliveryAnnotations: {}, footer: { end: i } })));
    const got = await receive(client.createReceiver(q), messages.length);
    assert.deepEqual(got.map((m) => [m._rawAmqpMessage.bodyType, m.body]), messages.map((m) => [m.bodyType, m.body]));
    assert.deepEqual(got.map((m) => m._rawAmqpMessage.messageAnnotations["x-opt-test"]), [0, 1, 2, 3, 4]);
    assert.deepEqual(got.map((m) => m._rawAmqpMessage.footer.end), [0, 1, 2, 3, 4]);
  },

  async "wrong-key"(q) {
    const wrong = new ServiceBusClient(connection.replace(/(SharedAccessKey=)[^;]*/, "$1d3Jvbmc="), options);
    try {
      await fails(wrong.createSender(q).sendMessages({ body: "a" }), "UnauthorizedAccess");
      await fails(wrong.createReceiver(q).receiveMessages(1, { maxWaitTimeInMs: 5_000 }), "UnauthorizedAccess");
    } finally {
      await wrong.close();
    }
    assert.deepEqual(await left(q), []);
  },

  async "unknown-entity"() {
    await fails(send("nowhere", { body: "a" }), "MessagingEntityNotFound");
    await fails(client.createReceiver("nowhere").receiveMessages(1, { maxWaitTimeInMs: 5_000 }), "MessagingEntityNotFound");
    await fails(client.createReceiver("filters", "nowhere").receiveMessages(1, { maxWaitTimeInMs: 5_000 }), "MessagingEntityNotFound");
  },

  async "tls"(q) {
    const secure = new ServiceBusClient(process.env.SERVICEBUS_TLS, options);
    try {
      await secure.createSender(q).sendMessages({ body: "a" });
      const receiver = secure.createReceiver(q);
      const m = await one(receiver);
      assert.equal(m.body, "a");
      await receiver.completeMessage(m);
      assert.deepEqual(await peekAll(receiver), []);
    } finally {
      await secure.close();
    }
  },

  async "administration"() {
    const { endpoint } = parseServiceBusConnectionString(process.env.SERVICEBUS_TLS);
    assert(endpoint.startsWith("sb://localhost:"), endpoint);
    const admin = new ServiceBusAdministrationClient(process.env.SERVICEBUS_TLS);
    await admin.createQueue("made", { lockDuration: "PT30S", maxDeliveryCount: 3, requiresSession: true });
    const made = await admin.getQueue("made");
    assert.deepEqual([made.lockDuration, made.maxDeliveryCount, made.requiresSession], ["PT30S", 3, true]);
    await assert.rejects(admin.createQueue("made"), { code: "MessageEntityAlreadyExistsError" });
    assert.equal((await admin.getQueueRuntimeProperties("made")).totalMessageCount, 0);
    await admin.createTopic("made-topic");
    await admin.createSubscription("made-topic", "sub");
    await admin.createRule("made-topic", "sub", "dear", { sqlExpression: "price > 10" });
    assert.equal((await admin.getRule("made-topic", "sub", "dear")).filter.sqlExpression, "price > 10");
    const names = [];
    for await (const queue of admin.listQueues()) names.push(queue.name);
    assert(names.includes("made") && names.includes("send"), names.join());
    await admin.deleteQueue("made");
    await admin.deleteTopic("made-topic");
    assert.deepEqual([await admin.queueExists("made"), await admin.topicExists("made-topic")], [false, false]);
    assert((await admin.getNamespaceProperties()).name);
  },
};

async function main() {
  const wanted = process.argv.slice(2);
  for (const name of wanted) assert(name in tests, `no test ${name}`);
  for (const name of wanted.length ? wanted : Object.keys(tests)) {
    client = new ServiceBusClient(connection, options);
    let timer, line;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not done in ${limit / 1000} s`)), limit); });
    try {
      await Promise.race([tests[name](name), late]);
      line = `pass ${name}`;
    } catch (err) {
      line = `FAIL ${name}: ${String(err.message ?? err).replace(/\s+/g, " ").slice(0, 400)}`;
    }
    clearTimeout(timer);
    await Promise.race([client.close(), new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
    fs.writeSync(1, line + "\n");
  }
  process.exit(0); // whatever a client still keeps open
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
