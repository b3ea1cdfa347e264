/** What the bundler makes of a file: its address. */
declare module "offhook/wasm" {
  const address: string;
  export default address;
}
