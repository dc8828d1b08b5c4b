import type { Conversation, Participant } from '@freelancehub/messaging-client';

export function otherOf(conversation: Conversation, userId: string): Participant | null {
  return conversation.participants.find((participant) => participant.userId !== userId) ?? null;
}

export function selfOf(conversation: Conversation, userId: string): Participant | null {
  return conversation.participants.find((participant) => participant.userId === userId) ?? null;
}
