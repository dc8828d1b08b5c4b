import type { KeyboardEvent } from 'react';

/** Up and down move between messages once one has the focus; Enter opens what can be done with it. */
export function moveBetweenMessages(event: KeyboardEvent<HTMLElement>): void {
  const scroller = event.currentTarget;
  const { key, target } = event;
  if (!(target instanceof HTMLElement) || (target !== scroller && target.dataset.message === undefined)) return;
  if (key === 'Enter' && target !== scroller) {
    event.preventDefault();
    target.querySelector<HTMLElement>('.actions')?.click();
    return;
  }
  if (key !== 'ArrowUp' && key !== 'ArrowDown') return;
  event.preventDefault();
  const next = target === scroller ? lastInSight(scroller) : neighbour(target, key);
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: 'nearest' });
}

function neighbour(row: HTMLElement, key: 'ArrowUp' | 'ArrowDown'): HTMLElement | null {
  let next: Element | null = row;
  do {
    next = key === 'ArrowUp' ? next.previousElementSibling : next.nextElementSibling;
  } while (next !== null && !(next instanceof HTMLElement && next.dataset.message !== undefined));
  return next;
}

function lastInSight(scroller: HTMLElement): HTMLElement | null {
  const { bottom } = scroller.getBoundingClientRect();
  const rows = [...scroller.querySelectorAll<HTMLElement>('[data-message]')];
  return rows.findLast((row) => row.getBoundingClientRect().top < bottom) ?? null;
}
