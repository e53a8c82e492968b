"""A small chatbot: the example that tallyman audits."""

import os

import gradio as gr
import requests

ENDPOINT = os.environ.get("CHAT_ENDPOINT", "http://localhost:8000/generate")


def answer(message, history):
    """Ask the model server and give back its text."""
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in history]
    turns.append({"role": "user", "content": message})
    reply = requests.post(ENDPOINT, json={"messages": turns}, timeout=30)
    reply.raise_for_status()
    return reply.json()["text"]


demo = gr.ChatInterface(answer, type="messages", title="Harbour assistant")

if __name__ == "__main__":
    demo.launch(share=True, show_error=True)
