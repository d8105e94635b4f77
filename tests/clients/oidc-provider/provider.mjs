// The city's directory for the tests: npm's oidc-provider, a certified OpenID provider, on loopback.
// tests/directory.py runs this, and says what it needs in SETTINGS (JSON):
//
//   port     0 takes a free one            keys     private keys (JWK), signed with
//   audience of the access tokens          ttl      seconds that a token lasts
//   staff    {account: extra claims}       clients  {client id: extra claims of its own tokens}
//   pages    {client id, secret, redirect_uri, alg}: the checkpoint's own sign-in
//
// An access token is asked for with resource=urn:alg:ES256, and is signed that way. Every client's secret is
// "secret of " and its id. Prints its port when it listens. The package is looked for in the working directory.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const entry = createRequire(`${process.cwd()}/`).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(entry).href);
const { port, keys, audience, ttl, staff, clients, pages } = JSON.parse(process.env.SETTINGS);

const server = createServer();
await new Promise((listening) => server.listen(port, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const tool = (client_id) => ({
  client_id,
  client_secret: `secret of ${client_id}`,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
});
const signIn = (client) => ({
  client_id: client.id,
  ...(client.secret
    ? { client_secret: client.secret, token_endpoint_auth_method: client.method ?? "client_secret_basic" }
    : { token_endpoint_auth_method: "none" }),
  grant_types: ["authorization_code"],
  response_types: ["code"],
  redirect_uris: [client.redirect_uri],
  id_token_signed_response_alg: client.alg,
});

const provider = new Provider(issuer, {
  jwks: { keys },
  clients: [...Object.keys(clients).map(tool), ...pages.map(signIn)],
  cookies: { keys: ["for the tests"] },
  claims: { openid: ["sub"], staff: ["staff_id", "org", "groups"] },
  conformIdTokenClaims: false, // as most directories do: what was asked for stands in the id_token
  enabledJWA: {
    idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA", "HS256"],
  },
  findAccount: (ctx, id) =>
    staff[id] && { accountId: id, claims: () => ({ sub: id, ...staff[id] }) },
  extraTokenClaims: (ctx, token) => staff[token.accountId] ?? clients[token.clientId],
  async loadExistingGrant(ctx) {
    // Nobody is asked for consent: the city has agreed for its staff.
    const { client, session, params } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope);
    for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(resource, "ask");
    await grant.save();
    return grant;
  },
  ttl: { AccessToken: ttl, ClientCredentials: ttl, IdToken: ttl },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: "ask",
        audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: ttl,
        jwt: { sign: { alg: resource.split(":")[2] } },
      }),
    },
  },
});

server.on("request", provider.callback());
console.log(server.address().port);
