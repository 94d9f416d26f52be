/// Keeps an error of one screen from ending the page.
import { Component, type ComponentChildren } from "preact";
import { ErrorLine } from "../parts/error_line";
import { toProblem } from "../api/problem";

export class Boundary extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: null as unknown };

  static override getDerivedStateFromError(error: unknown) { return { error }; }

  override render() {
    if (this.state.error === null)
      return this.props.children;
    return (
      <section class="screen">
        <h1 tabIndex={-1}>This screen has an error</h1>
        <ErrorLine problem={toProblem(this.state.error)} />
        <p><button type="button" onClick={() => this.setState({ error: null })}>Show the screen again</button></p>
      </section>
    );
  }
}
