/** A promise that is resolved from outside; later calls change nothing. */
export class Signal<T> {
  resolve: (value: T) => void = () => {};
  isOpen = true;
  readonly promise: Promise<T>;

  constructor() {
    this.promise = new Promise<T>((resolve) => {
      this.resolve = (value) => {
        this.isOpen = false;
        resolve(value);
      };
    });
  }
}
