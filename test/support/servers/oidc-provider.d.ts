/** The little of `oidc-provider` that the tests use: it comes without types. */
declare module "oidc-provider" {
  import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

  export interface Configuration {
    clients: {
      client_id: string;
      client_secret: string;
      redirect_uris: string[];
      grant_types: string[];
    }[];
    claims: Record<string, string[]>;
    conformIdTokenClaims: boolean;
    features: { devInteractions: { enabled: boolean }; deviceFlow: { enabled: boolean } };
    ttl: { DeviceCode: number };
    interactions: { url(ctx: unknown, interaction: { uid: string }): string };
    findAccount(
      ctx: unknown,
      sub: string,
    ): { accountId: string; claims(): { sub: string } & Record<string, unknown> };
    loadExistingGrant(ctx: { oidc: Oidc }): Promise<Grant>;
  }

  interface Oidc {
    provider: Provider;
    client?: { clientId: string };
    session?: { accountId: string };
  }

  interface Grant {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }

  interface Context {
    path: string;
    status: number;
    body: object;
  }

  interface IdToken {
    client: object;
    issue(options: object): Promise<string>;
  }

  export default class Provider {
    constructor(issuer: string, configuration: Configuration);
    readonly Grant: new (of: {
      clientId: string;
      accountId: string;
    }) => Grant;
    readonly IdToken: { prototype: IdToken };
    use(middleware: (ctx: Context, next: () => Promise<void>) => Promise<void>): void;
    callback(): RequestListener;
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{ params: Record<string, unknown> }>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
    ): Promise<void>;
  }
}
