import { useCallback, useSyncExternalStore } from 'react';

import { Signal } from '../state/signal.js';

/** Drafts that are kept of one user; the one that was not touched for the longest goes first. */
const DRAFTS_MAX = 100;

/** What is longer cannot be sent either, and would fill the browser's storage. */
const CHARACTERS_MAX = 20_000;

const kept = new Map<string, Map<string, string>>();
const changes = new Signal();

function keyOf(userId: string): string {
  return `drafts of ${userId}`;
}

function draftsOf(userId: string): Map<string, string> {
  const known = kept.get(userId);
  if (known !== undefined) return known;
  const read = new Map(readEntries(localStorage.getItem(keyOf(userId))));
  kept.set(userId, read);
  return read;
}

function readEntries(text: string | null): [string, string][] {
  try {
    const said: unknown = JSON.parse(text ?? '[]');
    const isEntry = (entry: unknown): entry is [string, string] =>
      Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === 'string');
    return Array.isArray(said) ? said.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function changed(userId: string, drafts: Map<string, string>): void {
  try {
    localStorage.setItem(keyOf(userId), JSON.stringify([...drafts]));
  } catch {
    // The storage is full or forbidden: the draft lives as long as the page.
  }
  changes.tell();
}

/** Keeps what is written but not sent; an empty text ends that. */
export function keepDraft(userId: string, place: string, text: string): void {
  const drafts = draftsOf(userId);
  if ((drafts.get(place) ?? '') === text) return;
  drafts.delete(place);
  if (text.trim() !== '') drafts.set(place, text.slice(0, CHARACTERS_MAX));
  const [oldest] = drafts.keys();
  if (drafts.size > DRAFTS_MAX && oldest !== undefined) drafts.delete(oldest);
  changed(userId, drafts);
}

export function draftOf(userId: string, place: string): string {
  return draftsOf(userId).get(place) ?? '';
}

/** Lets a draft go to another place, unless there is one. */
export function moveDraft(userId: string, from: string, to: string): void {
  const text = draftOf(userId, from);
  if (text === '' || draftOf(userId, to) !== '') return;
  keepDraft(userId, to, text);
  keepDraft(userId, from, '');
}

export function forgetDrafts(userId: string): void {
  kept.delete(userId);
  localStorage.removeItem(keyOf(userId));
}

/** The draft of a place: a conversation's id, or the path of one that does not exist yet. */
export function useDraft(userId: string, place: string): string {
  const read = useCallback(() => draftOf(userId, place), [userId, place]);
  return useSyncExternalStore(changes.subscribe, read);
}
