import { ArrowRight, MessageCircle } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { SyntheticEvent, ReactElement } from 'react';

import { unsentText, useUnsentCount } from '../state/unsent.js';
import { Avatar } from '../ui/Avatar.js';
import { askForDemo } from './demo.js';
import type { Demo } from './demo.js';
import { session } from './session.js';

/** Where a token is pasted, or a demo user chosen. */
export function SignIn({ notice }: { notice: string | null }): ReactElement {
  const demo = useDemo();
  const unsentCount = useUnsentCount();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <main className="sign-in">
      <section className="sign-in-card">
        <span className="sign-in-mark">
          <MessageCircle aria-hidden />
        </span>
        <h1 ref={heading} tabIndex={-1}>
          Sign in to your messages
        </h1>
        <p className="sign-in-lead">Talk with clients and freelancers about your contracts and their milestones.</p>
        {notice !== null && (
          <p className="notice" role="alert">
            {notice}
            {unsentCount > 0 && ` ${unsentText(unsentCount)} not sent yet: sign in as the same user to send what waits.`}
          </p>
        )}
        {demo !== null && <DemoUsers demo={demo} />}
        <TokenForm demo={demo} />
      </section>
    </main>
  );
}

function useDemo(): Demo | null {
  const [demo, setDemo] = useState<Demo | null>(null);
  useEffect(() => {
    let isShown = true;
    askForDemo().then(
      (offered) => {
        if (isShown) setDemo(offered);
      },
      // Without an answer there is still the field for a token.
      () => undefined,
    );
    return () => {
      isShown = false;
    };
  }, []);
  return demo;
}

function DemoUsers({ demo }: { demo: Demo }): ReactElement {
  return (
    <ul className="demo-users" aria-label="Demo users">
      {demo.users.map(({ userId, name, role, token }) => (
        <li key={userId}>
          <button type="button" className="demo-user" onClick={() => session.signIn(token, demo)}>
            <Avatar userId={userId} name={name} />
            <span>
              <strong>{name}</strong>
              <small>Go on as the {role}</small>
            </span>
            <ArrowRight aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}

function TokenForm({ demo }: { demo: Demo | null }): ReactElement {
  const [token, setToken] = useState('');
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    session.signIn(token, demo);
  };
  return (
    <form className="token-form" onSubmit={submit}>
      <label htmlFor="token">{demo === null ? 'Access token' : 'Or use an access token'}</label>
      <textarea
        id="token"
        rows={3}
        required
        spellCheck={false}
        autoComplete="off"
        placeholder="eyJhbGciOi…"
        value={token}
        onChange={(event) => setToken(event.target.value)}
      />
      <button type="submit" className={demo === null ? 'button primary' : 'button'}>
        Sign in
      </button>
    </form>
  );
}
