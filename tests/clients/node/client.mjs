// The official Node client, unmodified, as a staff tool would use it. test_the_node_client.py runs this.
//
// From the environment: BASE_URL, API_KEY, TEXT (what is said, with personal data) and MY_NUMBER (what is refused).
// The package is looked for in the working directory. Prints one line of JSON: what the client got.

import { createRequire } from "node:module";

const OpenAI = createRequire(`${process.cwd()}/`)("openai");
const { BASE_URL, API_KEY, TEXT, MY_NUMBER } = process.env;
const PARTS = [TEXT.slice(0, 6), TEXT.slice(6, 20), TEXT.slice(20)];
const SCHEMA = {
  type: "object",
  properties: { to: { type: "string" } },
  required: ["to"],
  additionalProperties: false,
};

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const user = (content) => [{ role: "user", content }];

async function chat() {
  const { completions } = client.chat;
  const ask = { model: "cut-2", messages: user(TEXT) };
  const format = { type: "json_schema", json_schema: { name: "letter", schema: SCHEMA, strict: true } };
  const plain = await completions.create(ask);
  const parts = PARTS.map((text) => ({ type: "text", text }));
  const { message } = (await completions.parse({ ...ask, response_format: format })).choices[0];
  const history = [...user(TEXT), message, ...user(TEXT)];
  return {
    plain: plain.choices[0].message.content,
    finish: plain.choices[0].finish_reason,
    tokens: plain.usage.total_tokens,
    streamed: await joined(await completions.create({ ...ask, stream: true })),
    helped: await completions.stream(ask).finalContent(),
    parsed: message.parsed,
    after: (await completions.create({ ...ask, messages: history })).choices[0].message.content,
    parsedStream: JSON.parse(await completions.stream({ ...ask, response_format: format }).finalContent()),
    three: (await completions.create({ ...ask, n: 3 })).choices.map((choice) => choice.message.content),
    threeStreamed: await byChoice(await completions.create({ ...ask, n: 3, stream: true })),
    parts: (await completions.create({ ...ask, messages: user(parts) })).choices[0].message.content,
    tool: await tooled(ask),
    toolStreamed: await tooled({ ...ask, stream: true }),
  };
}

async function joined(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0].delta.content ?? "";
  return text;
}

async function byChoice(stream) {
  const texts = ["", "", ""];
  for await (const chunk of stream)
    for (const choice of chunk.choices) texts[choice.index] += choice.delta.content ?? "";
  return texts;
}

/** The client's own loop: it calls the function with parsed arguments, sends the result, and takes the answer. */
async function tooled(ask) {
  const called = [];
  const send = { name: "send", parameters: SCHEMA, parse: JSON.parse };
  send.function = (given) => {
    called.push(given);
    return `${given.to}!`;
  };
  const runner = client.chat.completions.runTools({ ...ask, tools: [{ type: "function", function: send }] });
  return { said: await runner.finalContent(), called };
}

async function responses() {
  const ask = { model: "cut-2", input: TEXT };
  const format = { type: "json_schema", name: "letter", schema: SCHEMA, strict: true };
  const plain = await client.responses.create(ask);
  const parts = PARTS.map((text) => ({ type: "input_text", text }));
  const letter = await client.responses.parse({ ...ask, text: { format } });
  const history = [...user(TEXT), ...letter.output, ...user(TEXT)];
  return {
    plain: plain.output_text,
    finish: plain.status,
    tokens: plain.usage.total_tokens,
    streamed: await deltas(await client.responses.create({ ...ask, stream: true })),
    helped: (await client.responses.stream(ask).finalResponse()).output_text,
    parsed: letter.output_parsed,
    after: (await client.responses.create({ ...ask, input: history })).output_text,
    parsedStream: (await client.responses.stream({ ...ask, text: { format } }).finalResponse()).output_parsed,
    parts: (await client.responses.create({ ...ask, input: user(parts) })).output_text,
    tool: await answered(ask, (given) => client.responses.create(given)),
    toolStreamed: await answered(ask, (given) => client.responses.stream(given).finalResponse()),
  };
}

async function deltas(stream) {
  let text = "";
  for await (const event of stream) if (event.type === "response.output_text.delta") text += event.delta;
  return text;
}

async function answered(ask, respond) {
  const tools = [{ type: "function", name: "send", parameters: SCHEMA, strict: true }];
  const { output } = await respond({ ...ask, tools });
  const called = output.map((call) => JSON.parse(call.arguments));
  const results = output.map(({ call_id }) => ({
    type: "function_call_output",
    call_id,
    output: `${called[0].to}!`,
  }));
  const then = await respond({ ...ask, tools, input: [...user(TEXT), ...output, ...results] });
  return { said: then.output_text, called };
}

/** What the client throws, and how many requests it made, with its default of two retries. */
async function refused(apiKey, ask) {
  let requests = 0;
  const counting = (...given) => {
    requests += 1;
    return fetch(...given);
  };
  try {
    await ask(new OpenAI({ baseURL: BASE_URL, apiKey, fetch: counting }));
  } catch (error) {
    return { error: error.constructor.name, status: error.status, code: error.code, requests };
  }
  return { error: null, requests };
}

async function refusals() {
  const say = { model: "echo", messages: user(MY_NUMBER) };
  const respond = { model: "echo", input: MY_NUMBER };
  return {
    chat: await refused(API_KEY, (c) => c.chat.completions.create(say)),
    chatStreamed: await refused(API_KEY, (c) => c.chat.completions.create({ ...say, stream: true })),
    response: await refused(API_KEY, (c) => c.responses.create(respond)),
    responseStreamed: await refused(API_KEY, (c) => c.responses.create({ ...respond, stream: true })),
    embedding: await refused(API_KEY, (c) => c.embeddings.create(respond)),
    wrongKey: await refused("sk-wrong", (c) => c.chat.completions.create(say)),
  };
}

const told = { chat: await chat(), responses: await responses(), refusals: await refusals() };
console.log(JSON.stringify(told));
