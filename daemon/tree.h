/* SPDX-License-Identifier: MIT */
/*
 * An AVL tree whose nodes live inside what they order, so that inserting never
 * allocates and removing never fails. The order is total: no two nodes of one
 * tree may compare equal. They have to be in the same 256 MiB, as all that comes
 * from arena.h is.
 */
#ifndef CARVE_DAEMON_TREE_H
#define CARVE_DAEMON_TREE_H

#include <stddef.h>

#include "near-link.h"

/**
 * struct carve_tree_node - private
 * @left: as struct carve_link, but from the node itself
 * @height: of the subtree; 31 is enough for two million nodes
 * @right: as it says
 */
struct carve_tree_node {
	int32_t left : 27;
	uint32_t height : 5;
	struct carve_link right;
};

static inline struct carve_tree_node *
carve_tree_left(const struct carve_tree_node *node)
{
	return node->left ? carve_link_at(node, node->left) : NULL;
}

static inline struct carve_tree_node *
carve_tree_right(const struct carve_tree_node *node)
{
	return carve_link_get(&node->right);
}

/* Negative when @a comes before @b, positive when after it. */
typedef int (*carve_tree_order)(const struct carve_tree_node *a,
				const struct carve_tree_node *b);

/* The structure around a member. */
#define carve_container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

/**
 * carve_tree_insert() - add a node, O(log n)
 * @root: the tree; NULL inside is the empty tree
 * @node: in no tree under this member; stays the caller's, who keeps it alive
 *	and its order unchanged until carve_tree_remove()
 */
void carve_tree_insert(struct carve_tree_node **root,
		       struct carve_tree_node *node, carve_tree_order order);

/**
 * carve_tree_remove() - take a node out, O(log n)
 * @node: is in the tree; anything else breaks an assertion
 */
void carve_tree_remove(struct carve_tree_node **root,
		       struct carve_tree_node *node, carve_tree_order order);

/**
 * carve_tree_check() - is it a balanced, ordered tree? O(n)
 * @ret_count: number of nodes
 *
 * Return: NULL, or what is wrong, in words.
 */
const char *carve_tree_check(const struct carve_tree_node *root,
			     carve_tree_order order, size_t *ret_count);

#endif /* CARVE_DAEMON_TREE_H */
