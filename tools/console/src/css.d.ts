declare module "*.css";
declare module "furrow:outlines" {
  const text: string;
  export default text;
}
