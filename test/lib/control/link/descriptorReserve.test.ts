import { expect, test } from "bun:test";
import { DescriptorReserve } from "../../../../lib/control/link/descriptorReserve.ts";

test("descriptor reserve: keeps a reserve and counts descriptors used since the last count", () => {
  let now = 0;
  let open = 200;
  let counts = 0;
  const count = () => {
    counts++;
    return open;
  };
  const descriptors = new DescriptorReserve({ limit: 256, count, now: () => now });
  expect(descriptors.most).toBe(224);
  for (let taken = 0; taken <= 24; taken++) {
    expect(descriptors.isShort).toBe(false);
    descriptors.take();
  }
  expect(descriptors.isShort).toBe(true);
  expect(counts).toBe(1);
  open = 100;
  now += 1_000;
  expect(descriptors.isShort).toBe(false);
  expect(counts).toBe(2);
});

test("a low limit is named, a high or unknown one is not", () => {
  const of = (limit: number | undefined) =>
    new DescriptorReserve({ limit, count: () => 0, now: () => 0 });
  expect(of(1_024).advice).toContain("The limit of open files is 1024");
  expect(of(65_536).advice).toBeUndefined();
  expect(of(undefined).advice).toBeUndefined();
  expect(of(undefined).isShort).toBe(false);
});
