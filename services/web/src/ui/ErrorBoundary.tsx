import { Component } from 'react';
import type { ReactNode } from 'react';

interface Props {
  /** What failed, as the beginning of a sentence. */
  what: string;
  children: ReactNode;
}

/** Shows a fault of the page instead of nothing at all, with a way on. */
export class ErrorBoundary extends Component<Props, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className="empty" role="alert">
        <h2>{this.props.what} could not be shown</h2>
        <p>This is a fault of the page. What you sent is stored; load the page anew to go on.</p>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          Load anew
        </button>
      </div>
    );
  }
}
