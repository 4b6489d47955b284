/** What the console's page is made of is text to us: the browser alone reads it as anything else. */
declare module "*.css" {
  const text: string;

  export { text as default };
}
declare module "*.js" {
  const text: string;

  export { text as default };
}
declare module "*.svg" {
  const text: string;

  export { text as default };
}
