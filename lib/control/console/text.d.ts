/** Declares the files of the console page as text modules. */
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
