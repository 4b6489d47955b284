/** Keeps a fault of one page from emptying the whole window. */
import { Component, type ComponentChildren } from "preact";
import { Problem } from "./badge.tsx";

export class Boundary extends Component<{ children: ComponentChildren }, { fault: string }> {
  override state = { fault: "" };

  override componentDidCatch(error: unknown): void {
    this.setState({ fault: String(error) });
  }

  override render() {
    if (this.state.fault === "") return this.props.children;
    return (
      <>
        <h1 tabIndex={-1}>This page cannot be shown</h1>
        <Problem text={this.state.fault} />
        <p>
          <button type="button" onClick={() => this.setState({ fault: "" })}>
            Show it again
          </button>
        </p>
      </>
    );
  }
}
