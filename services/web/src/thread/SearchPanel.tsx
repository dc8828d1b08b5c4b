import type { Message } from '@freelancehub/messaging-client';
import { X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { SyntheticEvent, ReactElement } from 'react';

import { useName } from '../session/SessionContext.js';
import { explain } from '../text/explain.js';
import { excerpt } from '../text/matches.js';
import { relativeTime } from '../text/time.js';
import { Fault } from '../ui/Fault.js';
import { IconButton } from '../ui/IconButton.js';
import { useNow } from '../ui/useNow.js';
import type { Jump, JumpState } from './useJump.js';

/** As many as the service gives at most. */
const HITS_MAX = 50;
const QUERY_CHARACTERS_MAX = 100;

interface Found {
  query: string;
  hits: Message[];
}

interface Props {
  search: (query: string, limit?: number) => Promise<Message[]>;
  jump: Jump;
  onClose: () => void;
}

/** Finds messages of the conversation, and goes to them. */
export function SearchPanel({ search, jump, onClose }: Props): ReactElement {
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<Found | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const attempt = useRef(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);

  const find = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    const asked = query.trim();
    if (asked === '') return;
    attempt.current += 1;
    const mine = attempt.current;
    setIsBusy(true);
    setFault(null);
    try {
      const hits = await search(asked, HITS_MAX);
      if (mine === attempt.current) setFound({ query: asked, hits });
    } catch (thrown) {
      if (mine === attempt.current) setFault(explain(thrown));
    }
    if (mine === attempt.current) setIsBusy(false);
  };
  return (
    <section className="search" aria-label="Search">
      <form role="search" className="field-row" onSubmit={(event) => void find(event)}>
        <input
          ref={field}
          type="search"
          aria-label="Search in this conversation"
          placeholder="Search in this conversation"
          maxLength={QUERY_CHARACTERS_MAX}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        <button type="submit" className="button" disabled={isBusy}>
          {isBusy ? 'Searching …' : 'Search'}
        </button>
        <IconButton label="Close the search" onClick={onClose}>
          <X />
        </IconButton>
      </form>
      <Fault text={fault} />
      {jump.state !== null && jump.state.status !== 'loaded' && <Progress state={jump.state} jump={jump} />}
      {found !== null && <Hits found={found} onChoose={(seq) => jump.to(seq)} />}
    </section>
  );
}

function Hits({ found, onChoose }: { found: Found; onChoose: (seq: number) => void }): ReactElement {
  const { hits, query } = found;
  return (
    <>
      <p className="search-count" role="status">
        {countOf(hits.length, query)}
      </p>
      <ul className="hits">
        {hits.map((hit) => (
          <li key={hit.id}>
            <button type="button" className="hit" onClick={() => onChoose(hit.seq)}>
              <Hit hit={hit} query={query} />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function countOf(count: number, query: string): string {
  if (count === 0) return `Nothing found for “${query}”. Try fewer or other words.`;
  if (count >= HITS_MAX) return `The latest ${String(count)} messages. Add a word to find earlier ones.`;
  return count === 1 ? '1 message' : `${String(count)} messages`;
}

function Hit({ hit, query }: { hit: Message; query: string }): ReactElement {
  const name = useName(hit.senderId);
  const now = useNow();
  return (
    <>
      <span className="hit-top">
        <strong>{name}</strong>
        <time dateTime={hit.createdAt}>{relativeTime(hit.createdAt, now)}</time>
      </span>
      <span className="hit-text">
        {excerpt(hit.content, query).map(({ text, isMatch }, index) => (isMatch ? <mark key={index}>{text}</mark> : text))}
      </span>
    </>
  );
}

function Progress({ state, jump }: { state: JumpState; jump: Jump }): ReactElement {
  const { status, seq, distance, remaining, error } = state;
  const isLoading = status === 'loading';
  const text = {
    loading: `Loading earlier messages: ${String(distance - remaining)} of ${String(distance)}`,
    paused: `This message is ${String(remaining)} messages further back.`,
    failed: error ?? '',
    loaded: '',
  }[status];
  return (
    <div className="jump" role={status === 'failed' ? 'alert' : 'status'}>
      <p>{text}</p>
      {isLoading && <progress aria-label="Loading earlier messages" max={distance} value={distance - remaining} />}
      <span>
        {!isLoading && (
          <button type="button" className="link-button" onClick={() => jump.to(seq)}>
            Go on
          </button>
        )}
        <button type="button" className="link-button" onClick={jump.end}>
          Cancel
        </button>
      </span>
    </div>
  );
}
