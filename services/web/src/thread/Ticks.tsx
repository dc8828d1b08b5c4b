import { Check, CheckCheck, CircleAlert, Clock } from 'lucide-react';
import type { ReactElement } from 'react';

/** How far a message of one's own has come. */
export type Delivery = 'sending' | 'sent' | 'read' | 'failed';

const ICONS = { sending: Clock, sent: Check, read: CheckCheck, failed: CircleAlert };
const LABELS: Record<Delivery, string> = { sending: 'Sending', sent: 'Sent', read: 'Read', failed: 'Not sent' };

export function Ticks({ delivery }: { delivery: Delivery }): ReactElement {
  const Icon = ICONS[delivery];
  return (
    <span
      className={`ticks ${delivery}`}
      role="img"
      aria-label={LABELS[delivery]}
      title={LABELS[delivery]}
      data-delivery={delivery}
    >
      <Icon aria-hidden />
    </span>
  );
}
